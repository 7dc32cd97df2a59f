// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package selection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/tagindex"
)

const (
	// MaxInspect is the most candidates that are asked about for one answer.
	MaxInspect = 1000
	// mostAhead is how many candidates are asked about at once, when the first few have failed.
	mostAhead = 16
	// maxTracked is how many of the best candidates the scanner is to follow.
	maxTracked = 8

	orderAge   = 10 * time.Minute
	examineAge = 10 * time.Minute
	// ageAge is short: a tag that comes of age must not have moved meanwhile.
	ageAge = time.Minute
)

// ErrTooMany says that none of the best MaxInspect candidates passed, and that the others were not looked at.
var ErrTooMany = errors.New("too many tags would have to be looked at")

// InspectError says that the registry did not tell what had to be known. Trying again may help.
type InspectError struct {
	// Tag is the one that was asked about; empty: many.
	Tag string
	err error
}

// Error is a sentence for people.
func (e *InspectError) Error() string { return e.Sentence(e.err.Error()) }

// Sentence is the same with other words for the cause.
func (e *InspectError) Sentence(cause string) string {
	if e.Tag == "" {
		return "failed to read the metadata of tags: " + cause
	}
	return fmt.Sprintf("failed to read the metadata of tag %s: %s", e.Tag, cause)
}

// Unwrap gives what the scanner said.
func (e *InspectError) Unwrap() error { return e.err }

// Requirements are what a tag must be beside the best. The zero value asks for nothing.
type Requirements struct {
	// MinimumAge; zero: none.
	MinimumAge       time.Duration
	IncludeFirstScan bool
	Platforms        []string
	Labels           map[string]string
}

// Any says whether anything is asked for.
func (r Requirements) Any() bool {
	return r.MinimumAge > 0 || len(r.Platforms) > 0 || len(r.Labels) > 0
}

// Request is a question.
type Request struct {
	Snapshot     *tagindex.Snapshot
	Policy       *policy.Policy
	Requirements Requirements
	Subject      facts.Subject
	Now          time.Time
	// Fresh: what is known of candidates is asked for again.
	Fresh bool
	// Memory says since when tags name their digests, and is brought up to date. Nil: the first sight counts.
	Memory *Memory
}

// Outcome is an answer. With policy.ErrNoneEligible, Result's counts and Next are right as well.
type Outcome struct {
	policy.Result
	// Digest is the answer's, where it was asked for to hold it against the requirements.
	Digest string
	// Clock is what the answer's age was counted from.
	Clock Clock
	// Next is when the first of the better tags that are too young comes of age; zero: none is.
	Next time.Time
	// Examined are the candidates that were rejected, the best first.
	Examined []Verdict
	// Ordered are the candidates in the order of times that had to be asked for, the best first. Empty: they are in the
	// policy's own order.
	Ordered []string
}

// Selector selects. It is safe for concurrent use.
type Selector struct{ facts *facts.Source }

// New selects by what the source tells.
func New(source *facts.Source) *Selector { return &Selector{facts: source} }

// Select answers. Errors: policy.ErrNoTags, policy.ErrNoneEligible, ErrTooMany, *InspectError, the context's.
func (s *Selector) Select(ctx context.Context, r Request) (Outcome, error) {
	recency, recent := r.Policy.Recent()
	timed := recent && recency != policy.ByFirstSeen
	if !timed && !r.Requirements.Any() {
		result, err := r.Snapshot.Evaluate(ctx, r.Policy)
		return Outcome{Result: result}, err
	}
	set, err := r.Snapshot.Ranked(ctx, r.Policy)
	if err != nil {
		return Outcome{}, fmt.Errorf("selecting a tag: %w", err)
	}
	result, err := r.Policy.Pick(set)
	if err != nil {
		return Outcome{Result: result}, err
	}
	w := &walk{Selector: s, request: r, outcome: Outcome{Result: result}}
	w.outcome.Tag = ""
	candidates := r.Policy.Candidates(set)
	if timed && r.Policy.Eligible(set) <= MaxInspect {
		if candidates, err = s.ordered(ctx, r, recency, candidates); err != nil {
			return Outcome{Result: w.outcome.Result}, err
		}
		for e := range candidates {
			w.outcome.Ordered = append(w.outcome.Ordered, e.Tag)
		}
	}
	err = w.walk(ctx, candidates)
	return w.outcome, err
}
