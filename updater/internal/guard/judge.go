// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"fmt"
	"slices"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/updater/marker"
)

// Judge returns the edits that must not be made, by their index. The error is Ancestry's or the context's, never the
// resolver's: an edit that could not be compared is held with HOLD_REASON_NOT_COMPARED.
func (g *Guard) Judge(ctx context.Context, q Question) (map[int]*updaterv1.HeldValue, error) {
	j := &judgement{Question: q, held: map[int]*updaterv1.HeldValue{}, commits: map[string]whereabouts{}}
	for i, e := range q.Edits {
		if e.Policy.Held {
			continue // the operator's word is later than that of whoever undid our commit
		}
		undone, ok, err := j.undone(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("looking for what was undone at %s:%d: %w", e.Path, e.Line, err)
		}
		if ok {
			j.hold(i, updaterv1.HoldReason_HOLD_REASON_REVERTED, j.sentenceReverted(e, undone)).RevertedCommit = undone.Commit
		}
	}
	if err := g.downgrades(ctx, j); err != nil {
		return nil, err
	}
	j.siblings()
	return j.held, nil
}

// judgement is one question on its way to an answer.
type judgement struct {
	Question
	held map[int]*updaterv1.HeldValue
	// commits remembers where ours are.
	commits map[string]whereabouts
}

func (j *judgement) hold(i int, reason updaterv1.HoldReason, sentence string) *updaterv1.HeldValue {
	e := j.Edits[i]
	held := &updaterv1.HeldValue{
		Reason: reason, Path: Recorded(e.Path), Line: count(e.Line), Document: count(e.Document), Node: Recorded(e.Node),
		Setter: e.Ref.String(), Value: Recorded(e.Old), ProposedValue: Recorded(e.New),
		PolicyGeneration: e.Policy.Generation, Message: sentence,
	}
	j.held[i] = held
	return held
}

// writes are what was written at the place, on this branch of this remote, the last first.
func (j *judgement) writes(p Place) []Write {
	if j.History == nil {
		return nil
	}
	writes := j.History.Writes(p.recorded())
	if !slices.ContainsFunc(writes, j.elsewhere) {
		return writes
	}
	return slices.DeleteFunc(slices.Clone(writes), j.elsewhere)
}

func (j *judgement) elsewhere(w Write) bool {
	return w.Branch != j.Branch || (w.URL != j.URL && w.URL != "")
}

func count(n int) int32 {
	return int32(max(0, min(n, 1<<31-1))) // #nosec G115 -- bounded
}

// carriesTag says whether a value of this part holds the tag.
func carriesTag(part marker.Part) bool { return part == marker.Whole || part == marker.Tag }
