// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package origin

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Max is how many scans are remembered.
const Max = 200

// Trigger is why a repository was scanned. The values are stored: they keep their meaning.
type Trigger uint8

// The triggers.
const (
	// Unknown: a later version's, or none.
	Unknown Trigger = iota
	// First: the object's first scan, or the first of another image.
	First
	// Interval: it was over.
	Interval
	// Request: somebody asked.
	Request
	// Webhook: a webhook told of a push.
	Webhook
	// Spec: the object or one of its secrets changed.
	Spec
	// Retry: the last scan failed.
	Retry
)

// Scan is one that found something new.
type Scan struct {
	Trigger Trigger
	// Receiver is the webhook's, `<namespace>/<name>`; empty: there was none.
	Receiver string
	// TraceID is the trace's that the scan belongs to; zero: there was none.
	TraceID trace.TraceID
	// Time is when it ended, in UTC with millisecond precision: the first-seen time of what it found.
	Time time.Time
}

// Scans are a repository's, the oldest first, at most Max of them.
type Scans []Scan

// With is what is remembered after one more scan. The receiver is left.
func (s Scans) With(one Scan) Scans {
	kept := s[max(0, len(s)+1-Max):]
	return append(slices.Clone(kept), one)
}

// Of returns the scan that first saw a tag with the first-seen time; false where it is not among those remembered. Of
// scans that ended in the same millisecond it is the last.
func (s Scans) Of(firstSeen time.Time) (Scan, bool) {
	for _, one := range slices.Backward(s) {
		if one.Time.UnixMilli() == firstSeen.UnixMilli() {
			return one, true
		}
	}
	return Scan{}, false
}
