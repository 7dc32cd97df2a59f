// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package selection

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

// walk tries candidates, the best first.
type walk struct {
	*Selector
	request Request
	outcome Outcome
	looked  int
}

// walk ends at the first that passes.
func (w *walk) walk(ctx context.Context, candidates iter.Seq[policy.Entry]) error {
	if !w.request.Requirements.Any() {
		for e := range candidates {
			w.outcome.Tag = e.Tag
			return nil
		}
	}
	next, stop := iter.Pull(candidates)
	defer stop()
	for ahead := 1; ; ahead = min(2*ahead, mostAhead) {
		batch := take(next, min(ahead, MaxInspect-w.looked))
		if len(batch) == 0 {
			if _, more := next(); more {
				return w.none(ErrTooMany)
			}
			return w.none(policy.ErrNoneEligible)
		}
		found, errs := w.ask(ctx, batch)
		for i, tag := range batch {
			if errors.Is(errs[i], facts.ErrGone) {
				w.reject(Verdict{Tag: tag, Stage: Gone, Reason: "the registry lists " + tag + ", but does not have it"})
				continue
			}
			if errs[i] != nil {
				return &InspectError{Tag: tag, err: errs[i]}
			}
			passed, err := w.judge(tag, found[i])
			if err != nil || passed {
				return err
			}
		}
	}
}

func take(next func() (policy.Entry, bool), n int) []string {
	var tags []string
	for len(tags) < n {
		e, ok := next()
		if !ok {
			break
		}
		tags = append(tags, e.Tag)
	}
	return tags
}

// ask finds the facts of a batch; one that fails spoils no other, which may be better.
func (w *walk) ask(ctx context.Context, batch []string) ([]facts.Fact, []error) {
	found, errs := make([]facts.Fact, len(batch)), make([]error, len(batch))
	var group errgroup.Group
	for i, tag := range batch {
		track := w.looked+i < maxTracked
		group.Go(func() error {
			found[i], errs[i] = w.facts.Of(ctx, w.request.Subject, tag, w.request.Requirements.want(), w.request.maxAge(), track)
			return nil
		})
	}
	_ = group.Wait() // none of them returns an error
	return found, errs
}

func (r Requirements) want() facts.Want {
	want := facts.Digest
	if r.MinimumAge > 0 {
		want |= facts.Pushed
	}
	if len(r.Platforms) > 0 {
		want |= facts.Platforms
	}
	if len(r.Labels) > 0 {
		want |= facts.Labels
	}
	return want
}

func (r Request) maxAge() time.Duration {
	switch {
	case r.Fresh:
		return 0
	case r.Requirements.MinimumAge > 0:
		return ageAge
	}
	return examineAge
}

// judge says whether the tag passes, and takes down why not.
func (w *walk) judge(tag string, fact facts.Fact) (bool, error) {
	v, clock, err := w.examine(tag, fact)
	if err != nil {
		return false, err
	}
	if v.Stage == Passed {
		w.looked++
		w.outcome.Tag, w.outcome.Digest, w.outcome.Clock = tag, fact.Digest, clock
		return true, nil
	}
	w.reject(v)
	return false, nil
}

func (w *walk) reject(v Verdict) {
	w.looked++
	w.outcome.Rejected++
	w.outcome.Examined = append(w.outcome.Examined, v)
	if !v.Until.IsZero() && (w.outcome.Next.IsZero() || v.Until.Before(w.outcome.Next)) {
		w.outcome.Next = v.Until
	}
}

// none says that no candidate passed, and how they failed.
func (w *walk) none(kind error) error {
	var parts []string
	counts := map[Stage]int{}
	for _, v := range w.outcome.Examined {
		counts[v.Stage]++
	}
	for _, one := range []struct {
		stage Stage
		words string
	}{
		{TooYoung, "%d too young"}, {PlatformMissing, "%d without the platforms"}, {LabelMismatch, "%d without the labels"},
		{Gone, "%d no longer there"},
	} {
		if n := counts[one.stage]; n > 0 {
			parts = append(parts, fmt.Sprintf(one.words, n))
		}
	}
	sentence := fmt.Sprintf("of %d candidates that were looked at, %s", w.looked, strings.Join(parts, ", "))
	if !w.outcome.Next.IsZero() {
		sentence += "; the next comes of age at " + w.outcome.Next.UTC().Format(time.RFC3339)
	}
	return fmt.Errorf("%w: %s", kind, sentence)
}
