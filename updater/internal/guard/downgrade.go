// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/updater/marker"
)

const (
	// maxAtOnce is how many comparisons are asked for at once.
	maxAtOnce = 8
	// compareTimeout bounds all comparisons of one question: one takes less than a millisecond, unless the resolver is
	// away, and then a run should rather write what needs no comparison than wait.
	compareTimeout = 10 * time.Second
)

// step is a change of tags under a policy, in the order of which it is judged.
type step struct {
	policy            object.Key
	current, proposed string
}

// answer is what the resolver said of a step.
type answer struct {
	comparison resolverv1.Comparison
	// reason is the resolver's sentence.
	reason string
	err    error
}

// downgrades holds the edits that would put an older tag, or one that could not be compared, in a newer one's place.
func (g *Guard) downgrades(ctx context.Context, j *judgement) error {
	steps := map[int]step{}
	refused := j.refusals()
	for i, e := range j.Edits {
		s, changes := stepOf(e)
		if changes && j.held[i] == nil && !j.meant(e, refused) {
			steps[i] = s
		}
	}
	answers, err := g.compareAll(ctx, steps)
	if err != nil {
		return err
	}
	for i, e := range j.Edits {
		s, asked := steps[i]
		if !asked {
			continue
		}
		switch a := answers[s]; {
		case a.err != nil:
			j.hold(i, updaterv1.HoldReason_HOLD_REASON_NOT_COMPARED, j.sentenceNotCompared(e, s, a.err))
		case a.comparison == resolverv1.Comparison_COMPARISON_OLDER:
			j.hold(i, updaterv1.HoldReason_HOLD_REASON_DOWNGRADE, j.sentenceDowngrade(e, s, a.reason))
		}
	}
	return nil
}

// stepOf returns the step that an edit makes. A value without a tag that can be read makes none: there is nothing that
// could be newer.
func stepOf(e Edit) (step, bool) {
	s := step{policy: e.Policy.Key}
	switch e.Ref.Part {
	case marker.Tag:
		s.current, s.proposed = e.Old, e.New
	case marker.Whole:
		s.current, s.proposed = marker.SplitReference(e.Old).Tag, marker.SplitReference(e.New).Tag
	case marker.Name, marker.Digest:
		return s, false
	}
	return s, readable(s.current) && s.current != s.proposed
}

// readable says whether a text can be a tag.
func readable(tag string) bool {
	if tag == "" || len(tag) > 128 {
		return false
	}
	for i := range len(tag) {
		c := tag[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
		case (c == '-' || c == '.') && i > 0:
		default:
			return false
		}
	}
	return true
}

// meant says whether somebody is known to mean the edit, whichever tag is older.
func (j *judgement) meant(e Edit, refused map[object.Key]int64) bool {
	if j.AllowDowngrade || e.Policy.Held {
		return true
	}
	if e.Policy.Generation == 0 {
		return false
	}
	if writes := j.writes(e.Place); len(writes) > 0 && writes[0].PolicyGeneration != 0 {
		return writes[0].PolicyGeneration != e.Policy.Generation
	}
	before, ok := refused[e.Policy.Key]
	return ok && before != e.Policy.Generation
}

// refusals returns the policies' generations at the oldest refusal of what would be written now at places where nothing
// of ours was ever written. A record has room for a part of what a run holds; so a refusal counts for the policy's other
// places as well.
func (j *judgement) refusals() map[object.Key]int64 {
	oldest := map[object.Key]int64{}
	if j.History == nil {
		return oldest
	}
	for _, e := range j.Edits {
		generation, ok := j.History.Refused(e.recorded())
		if !ok || generation == 0 {
			continue
		}
		if before, known := oldest[e.Policy.Key]; !known || generation < before {
			oldest[e.Policy.Key] = generation
		}
	}
	return oldest
}

// compareAll asks about each different step once. The error is the context's.
func (g *Guard) compareAll(ctx context.Context, steps map[int]step) (map[step]answer, error) {
	answers := make(map[step]answer, len(steps))
	var asked []step
	for _, s := range steps {
		if _, known := answers[s]; !known {
			answers[s] = answer{}
			asked = append(asked, s)
		}
	}
	if len(asked) == 0 {
		return answers, nil
	}
	timed, cancel := context.WithTimeoutCause(ctx, compareTimeout,
		fmt.Errorf("the resolver has not answered within %s", compareTimeout))
	defer cancel()
	heard := make([]answer, len(asked))
	var group errgroup.Group
	group.SetLimit(maxAtOnce)
	for i, s := range asked {
		group.Go(func() error {
			heard[i] = g.compare(timed, s)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, s := range asked {
		answers[s] = heard[i]
	}
	return answers, context.Cause(ctx)
}

func (g *Guard) compare(ctx context.Context, s step) answer {
	if ctx.Err() != nil {
		return answer{err: context.Cause(ctx)}
	}
	resp, err := g.comparer.CompareTags(ctx, &resolverv1.CompareTagsRequest{
		Subject: &resolverv1.CompareTagsRequest_ImagePolicyRef{ImagePolicyRef: &metav1.NamespacedObjectReference{
			Namespace: s.policy.Namespace, Name: s.policy.Name,
		}},
		Current: s.current, Proposed: s.proposed,
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return answer{err: context.Cause(ctx)}
	case err != nil:
		return answer{err: rpcerr.FromError(err)}
	case resp.GetComparison() == resolverv1.Comparison_COMPARISON_UNSPECIFIED:
		return answer{err: errNoAnswer}
	}
	return answer{comparison: resp.GetComparison(), reason: resp.GetReason()}
}
