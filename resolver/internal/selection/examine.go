// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package selection

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tidemark-io/tidemark/resolver/internal/facts"
)

// Clock says what an age was counted from.
type Clock int

// The clocks.
const (
	NoClock Clock = iota
	Pushed
	FirstSeen
	FirstScan
)

// Stage is what a tag failed by.
type Stage int

// The stages.
const (
	Passed Stage = iota
	TooYoung
	PlatformMissing
	LabelMismatch
	// Gone: the registry has none behind the name.
	Gone
)

// Verdict is what became of one candidate.
type Verdict struct {
	Tag   string
	Stage Stage
	// Reason is a sentence for people.
	Reason string
	// Until is when a tag that is too young comes of age.
	Until time.Time
}

// examine holds a tag against the requirements. What a tag fails by first decides, so that nothing more need be known of it.
func (w *walk) examine(tag string, fact facts.Fact) (Verdict, Clock, error) {
	v := Verdict{Tag: tag}
	clock, err := w.age(&v, fact)
	if err != nil || v.Stage != Passed {
		return v, clock, err
	}
	required := w.request.Requirements
	if fact.Problem != "" && !w.told(fact) {
		return v, clock, &InspectError{Tag: tag, err: errors.New(fact.Problem)}
	}
	for _, platform := range required.Platforms {
		if !fact.Offers(platform) {
			v.Stage, v.Reason = PlatformMissing, fmt.Sprintf("%s does not offer %s", tag, platform)
			return v, clock, nil
		}
	}
	for _, key := range slices.Sorted(maps.Keys(required.Labels)) {
		value, has := fact.Labels[key]
		switch {
		case !has:
			v.Stage, v.Reason = LabelMismatch, fmt.Sprintf("%s has no label %s", tag, key)
			return v, clock, nil
		case value != required.Labels[key]:
			v.Stage, v.Reason = LabelMismatch, fmt.Sprintf("%s has another value of label %s", tag, key)
			return v, clock, nil
		}
	}
	return v, clock, nil
}

// told says that a tag with a problem has been told enough of to pass: what is missing could only be more of it.
func (w *walk) told(fact facts.Fact) bool {
	required := w.request.Requirements
	for _, platform := range required.Platforms {
		if !fact.Offers(platform) {
			return false
		}
	}
	for key, value := range required.Labels {
		if has, ok := fact.Labels[key]; !ok || has != value {
			return false
		}
	}
	return true
}

// age finds since when the tag counts, and what was taken for that.
func (w *walk) age(v *Verdict, fact facts.Fact) (Clock, error) {
	required := w.request.Requirements
	if required.MinimumAge == 0 {
		return NoClock, nil
	}
	tag, _ := w.request.Snapshot.Tag(v.Tag)
	since, clock := tag.FirstSeen, FirstSeen
	seen := w.request.Memory.see(w.request.Subject.UID, tag, fact.Digest, w.request.Now)
	switch {
	case !fact.Pushed.IsZero():
		since, clock = fact.Pushed, Pushed
	case fact.Problem != "" && w.facts.ToldPushes(w.request.Subject.UID):
		return clock, &InspectError{Tag: v.Tag, err: errors.New(fact.Problem)}
	case !seen.IsZero():
		since = seen
	case tag.Initial && !required.IncludeFirstScan:
		return FirstScan, nil
	}
	if due := since.Add(required.MinimumAge); due.After(w.request.Now) {
		v.Stage, v.Until = TooYoung, due
		v.Reason = fmt.Sprintf("%s is too young: %s, and comes of age at %s", v.Tag, words(clock, since), due.UTC().Format(time.RFC3339))
	}
	return clock, nil
}

func words(clock Clock, since time.Time) string {
	if clock == Pushed {
		return "it was pushed at " + since.UTC().Format(time.RFC3339)
	}
	return "it was first seen at " + since.UTC().Format(time.RFC3339)
}
