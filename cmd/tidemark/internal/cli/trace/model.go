// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// imageAnswer answers `trace image`: one lineage a repository and tag.
type imageAnswer struct {
	Images []*lineage `json:"images"`
}

// lineage is all that is known of one tag. Objects are named `<namespace>/<name>` throughout.
type lineage struct {
	tagFacts

	Policies []verdict `json:"policies"`
	// Written are the values that recorded runs have set to the tag, the last one first.
	Written []written `json:"written"`
	// NotWritten says of each automation that uses one of the policies and did not write the tag, why.
	NotWritten []reason `json:"notWritten,omitempty"`
	Held       []held   `json:"held,omitempty"`
	Warnings   []reason `json:"warnings,omitempty"`
}

// tagFacts is what the scanner and the registry tell.
type tagFacts struct {
	Image      string `json:"image,omitempty"`
	Repository string `json:"repository"`
	// Tag is empty where no policy has chosen one.
	Tag       string     `json:"tag,omitempty"`
	FirstSeen *time.Time `json:"firstSeen,omitempty"`
	// Initial: the tag was there at the first scan.
	Initial bool `json:"initial,omitempty"`
	// Excluded: the repository's exclusion list leaves it out.
	Excluded bool       `json:"excluded,omitempty"`
	Scan     *scan      `json:"scan,omitempty"`
	Digest   string     `json:"digest,omitempty"`
	Created  *time.Time `json:"created,omitempty"`
	Pushed   *time.Time `json:"pushed,omitempty"`
	// Missing says which facts are not known, and why.
	Missing []missing `json:"missing,omitempty"`
}

// missing is a fact that is not known: `digest`, and why.
type missing struct {
	Fact string `json:"fact"`
	Why  string `json:"why"`
}

func (f *tagFacts) miss(fact, why string) { f.Missing = append(f.Missing, missing{fact, why}) }

// scan is the one that first saw the tag.
type scan struct {
	// Trigger is `first`, `interval`, `request`, `webhook`, `spec` or `retry`.
	Trigger  string `json:"trigger"`
	Receiver string `json:"receiver,omitempty"`
	TraceID  string `json:"traceID,omitempty"`
}

// verdict is what one policy says of the tag.
type verdict struct {
	Policy string `json:"policy"`
	// Verdict is Explain's: `SELECTED`, …; `HELD` where an operator holds the policy at the tag, `NOT_LISTED` where the
	// repository has no such tag, `NONE` where there is none to ask about.
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	// Selected is the tag that the policy says now.
	Selected string `json:"selected,omitempty"`
	// Hold is an operator's word, in one sentence.
	Hold string `json:"hold,omitempty"`
}

// written is one value that a recorded run has set.
type written struct {
	Automation string     `json:"automation"`
	Path       string     `json:"path"`
	Line       int32      `json:"line"`
	Object     string     `json:"object,omitempty"`
	Node       string     `json:"node,omitempty"`
	Marker     string     `json:"marker"`
	Old        string     `json:"old"`
	New        string     `json:"new"`
	Commit     string     `json:"commit"`
	Branch     string     `json:"branch"`
	URL        string     `json:"url,omitempty"`
	Time       *time.Time `json:"time,omitempty"`
	// Unfinished: the run has not ended, so that whether its commit is pushed is not recorded.
	Unfinished bool   `json:"unfinished,omitempty"`
	Run        string `json:"run"`
	Trigger    string `json:"trigger"`
	TraceID    string `json:"traceID,omitempty"`
	// Replaced is the next recorded change of the same value; absent: the value is the last that is recorded.
	Replaced *replaced `json:"replaced,omitempty"`

	document int32
}

// replaced is what took a value's place.
type replaced struct {
	New    string     `json:"new"`
	Commit string     `json:"commit"`
	Time   *time.Time `json:"time,omitempty"`
}

// held is a value that an automation leaves alone though its policy says otherwise.
type held struct {
	Automation string `json:"automation"`
	Path       string `json:"path"`
	Line       int32  `json:"line"`
	Marker     string `json:"marker"`
	Value      string `json:"value"`
	Proposed   string `json:"proposed"`
	Message    string `json:"message,omitempty"`
}

// reason is a sentence about an automation.
type reason struct {
	Automation string `json:"automation"`
	Reason     string `json:"reason"`
}

// fileAnswer answers `trace file`.
type fileAnswer struct {
	Path string `json:"path"`
	// Line is the one that was asked for; zero: all.
	Line   int           `json:"line,omitempty"`
	Values []tracedValue `json:"values"`
	// Held and Warnings are those of the last runs about the file, or the line.
	Held     []held   `json:"held,omitempty"`
	Warnings []reason `json:"warnings,omitempty"`
}

// tracedValue is one marked value, as the last recorded run left it, and where it comes from.
type tracedValue struct {
	written

	Policy policyNow `json:"policy"`
	// Tag is what is known of the tag that the value says; absent: it says none that is known.
	Tag *tagFacts `json:"tag,omitempty"`
}

// policyNow is a policy as it is now.
type policyNow struct {
	Name string `json:"name"`
	// Selected is the tag that it says now; empty: none.
	Selected string `json:"selected,omitempty"`
	Hold     string `json:"hold,omitempty"`
	// State says what is not as it should be. Empty: nothing.
	State string `json:"state,omitempty"`
}

// timeOf is nil for none.
func timeOf(t *timestamppb.Timestamp) *time.Time {
	if t == nil {
		return nil
	}
	at := t.AsTime()
	return &at
}

// moment is a time as tables show it, in the zone of the person who asks.
func moment(t *time.Time) string { return t.Local().Format(time.RFC3339) }
