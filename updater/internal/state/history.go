// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"sync"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/guard"
)

// maxHistories bounds what is kept of histories in memory, in bytes as weighed by history.weight. The one that was asked for
// last stays whatever it weighs: some 40 MB for 50 runs of 4,000 changes each.
const maxHistories = 64 << 20

// histories are those that were asked for last.
type histories struct {
	mu     sync.Mutex
	known  map[object.Key]*list.Element // of *history
	recent list.List                    // the last one first
	weight int
}

// history is what finished runs of one automation wrote and refused, by place. It is a guard.History.
type history struct {
	key object.Key
	// refreshing is held while the store is read.
	refreshing sync.Mutex

	mu     sync.RWMutex
	runs   map[string]told
	places map[guard.Place]*place
	weight int
	// counted is the weight that histories knows of; guarded by histories.mu.
	counted int
}

// told is one run that the history knows.
type told struct {
	revision int64
	places   []guard.Place
	weight   int
}

// place is what happened at one place, the oldest first.
type place struct {
	writes   []guard.Write
	refusals []refusal
}

type refusal struct {
	id         string
	generation int64
}

// History returns what finished runs of the automation wrote and refused, as recorded now. It is read once and then brought
// up to date; where nothing was recorded since, that is one read of the index. What it tells may become newer while it is
// used. Errors: store.ErrUnavailable.
func (r *Runs) History(ctx context.Context, automation object.Key) (guard.History, error) {
	h := r.histories.of(automation)
	h.refreshing.Lock()
	defer h.refreshing.Unlock()
	entries, err := r.index(ctx, automation)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e entry) bool { return !telling(e.head) })
	var missing []string
	for _, e := range h.sift(entries) {
		missing = append(missing, e.id)
	}
	revisions := map[string]int64{}
	for _, e := range entries {
		revisions[e.id] = e.revision
	}
	for part := range slices.Chunk(missing, readAtOnce) {
		runs, err := r.read(ctx, automation, part)
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			h.learn(run, revisions[run.GetId()])
		}
	}
	r.histories.weigh(h)
	return h, nil
}

// telling says whether the history needs the record.
func telling(head *updaterv1.Run) bool {
	return head.GetEndTime() != nil &&
		(head.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_PUSHED || len(head.GetHeld()) > 0)
}

// sift forgets the runs that are no longer recorded, or were recorded anew, and returns those that are not known.
func (h *history) sift(entries []entry) []entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	current := make(map[string]bool, len(entries))
	var missing []entry
	for _, e := range entries {
		if t, ok := h.runs[e.id]; ok && t.revision == e.revision {
			current[e.id] = true
			continue
		}
		missing = append(missing, e)
	}
	for id := range h.runs {
		if !current[id] {
			h.forget(id)
		}
	}
	return missing
}

func (h *history) forget(id string) {
	for _, p := range h.runs[id].places {
		at := h.places[p]
		if at == nil {
			continue // told of twice by the run
		}
		at.writes = slices.DeleteFunc(slices.Clone(at.writes), func(w guard.Write) bool { return w.RunID == id })
		at.refusals = slices.DeleteFunc(slices.Clone(at.refusals), func(r refusal) bool { return r.id == id })
		if len(at.writes)+len(at.refusals) == 0 {
			delete(h.places, p)
		}
	}
	h.weight -= h.runs[id].weight
	delete(h.runs, id)
}

// learn takes a run in.
func (h *history) learn(run *updaterv1.Run, revision int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := told{revision: revision}
	if run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
		for _, c := range run.GetChanges() {
			at, p := h.at(guard.Place{Path: c.GetPath(), Document: int(c.GetDocument()), Node: c.GetNode()})
			at.writes = insert(at.writes, writeOf(run, c), func(a, b guard.Write) int { return cmp.Compare(a.RunID, b.RunID) })
			t.places = append(t.places, p)
			t.weight += 300 + len(c.GetOldValue()) + len(c.GetNewValue())
		}
	}
	for _, v := range run.GetHeld() {
		if v.GetReason() != updaterv1.HoldReason_HOLD_REASON_DOWNGRADE {
			continue
		}
		at, p := h.at(guard.Place{Path: v.GetPath(), Document: int(v.GetDocument()), Node: v.GetNode()})
		at.refusals = insert(at.refusals, refusal{run.GetId(), v.GetPolicyGeneration()},
			func(a, b refusal) int { return cmp.Compare(a.id, b.id) })
		t.places = append(t.places, p)
		t.weight += 100
	}
	h.runs[run.GetId()] = t
	h.weight += t.weight
}

// at returns what is known of the place, and the place as it is kept once for all runs.
func (h *history) at(p guard.Place) (*place, guard.Place) {
	at := h.places[p]
	if at == nil {
		at = &place{}
		h.places[p] = at
	}
	return at, p
}

func writeOf(run *updaterv1.Run, c *updaterv1.RunChange) guard.Write {
	return guard.Write{
		RunID: run.GetId(), Commit: run.GetCommit(), Base: run.GetBase(), Branch: run.GetBranch(), URL: run.GetUrl(),
		Ended: run.GetEndTime().AsTime(), Old: c.GetOldValue(), New: c.GetNewValue(), PolicyGeneration: c.GetPolicyGeneration(),
	}
}

// insert puts v where it belongs, which is mostly the end. The slice that was there stays as it was for whoever reads it.
func insert[T any](sorted []T, v T, compare func(a, b T) int) []T {
	at, _ := slices.BinarySearchFunc(sorted, v, compare)
	return slices.Insert(slices.Clip(sorted), at, v)
}

// Writes returns what was written at the place, the last first.
func (h *history) Writes(p guard.Place) []guard.Write {
	h.mu.RLock()
	defer h.mu.RUnlock()
	at := h.places[p]
	if at == nil {
		return nil
	}
	writes := slices.Clone(at.writes)
	slices.Reverse(writes)
	return writes
}

// Refused returns the policy's generation at the oldest refusal since the last write at the place.
func (h *history) Refused(p guard.Place) (generation int64, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	at := h.places[p]
	if at == nil {
		return 0, false
	}
	last := ""
	if len(at.writes) > 0 {
		last = at.writes[len(at.writes)-1].RunID
	}
	for _, r := range at.refusals {
		if r.id > last {
			return r.generation, true
		}
	}
	return 0, false
}

// of returns the automation's history as far as it is known.
func (hs *histories) of(key object.Key) *history {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if e := hs.known[key]; e != nil {
		hs.recent.MoveToFront(e)
		return e.Value.(*history)
	}
	if hs.known == nil {
		hs.known = map[object.Key]*list.Element{}
	}
	h := &history{key: key, runs: map[string]told{}, places: map[guard.Place]*place{}}
	hs.known[key] = hs.recent.PushFront(h)
	return h
}

// weigh counts what a history has grown by, and lets go of those that were not asked for the longest.
func (hs *histories) weigh(h *history) {
	h.mu.RLock()
	weight := h.weight
	h.mu.RUnlock()
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if e := hs.known[h.key]; e == nil || e.Value.(*history) != h {
		return // let go meanwhile
	}
	hs.weight += weight - h.counted
	h.counted = weight
	for hs.weight > maxHistories && hs.recent.Len() > 1 {
		last := hs.recent.Back()
		old := hs.recent.Remove(last).(*history)
		delete(hs.known, old.key)
		hs.weight -= old.counted
	}
}
