// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

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
	limit  int
}

// history is what finished runs of one automation wrote and refused, by place. It is a guard.History.
type history struct {
	key object.Key
	// refreshing is held while the store is read.
	refreshing sync.Mutex

	mu     sync.RWMutex
	runs   map[string]*told
	places map[guard.Place]*place
	weight int
	// counted is the weight that histories knows of; guarded by histories.mu.
	counted int
}

// told is one run that the history knows.
type told struct {
	id       string
	revision int64
	commit   string
	base     string
	branch   string
	url      string
	ended    time.Time
	places   []*place
	weight   int
}

// place is what happened at one place, the oldest first. The slices are replaced and never changed.
type place struct {
	guard.Place
	writes, refusals []event
}

// event is a write or a refusal of one run.
type event struct {
	*told
	old, new   string
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
	other := func(e event) bool { return e.id == id }
	for _, p := range h.runs[id].places {
		p.writes = slices.DeleteFunc(slices.Clone(p.writes), other)
		p.refusals = slices.DeleteFunc(slices.Clone(p.refusals), other)
		if len(p.writes)+len(p.refusals) == 0 && h.places[p.Place] == p {
			delete(h.places, p.Place)
			h.weight -= p.weight()
		}
	}
	h.weight -= h.runs[id].weight
	delete(h.runs, id)
}

// learn takes a run in.
func (h *history) learn(run *updaterv1.Run, revision int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := &told{
		id: run.GetId(), revision: revision, commit: run.GetCommit(), base: run.GetBase(), branch: run.GetBranch(),
		url: run.GetUrl(), ended: run.GetEndTime().AsTime(),
	}
	once := texts{}
	if run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
		for _, c := range run.GetChanges() {
			p := h.at(t, guard.Place{Path: c.GetPath(), Document: int(c.GetDocument()), Node: c.GetNode()})
			p.writes = insert(p.writes, event{t, once.get(c.GetOldValue()), once.get(c.GetNewValue()), c.GetPolicyGeneration()})
		}
	}
	for _, v := range run.GetHeld() {
		if v.GetReason() == updaterv1.HoldReason_HOLD_REASON_DOWNGRADE {
			p := h.at(t, guard.Place{Path: v.GetPath(), Document: int(v.GetDocument()), Node: v.GetNode()})
			p.refusals = insert(p.refusals, event{told: t, generation: v.GetPolicyGeneration()})
		}
	}
	for text := range once {
		t.weight += len(text)
	}
	h.runs[t.id] = t
	h.weight += t.weight
}

// The weights of an event, and of a place beside its texts, in bytes: what the heap was measured to grow by.
const (
	eventWeight = 100
	placeWeight = 250
)

func (p *place) weight() int { return placeWeight + len(p.Path) + len(p.Node) }

// at returns what is known of the place.
func (h *history) at(t *told, where guard.Place) *place {
	p := h.places[where]
	if p == nil {
		p = &place{Place: where}
		h.places[where] = p
		h.weight += p.weight()
	}
	t.places = append(t.places, p)
	t.weight += eventWeight
	return p
}

// texts keeps equal texts once: a run writes few different values at many places.
type texts map[string]string

func (t texts) get(text string) string {
	known, ok := t[text]
	if !ok {
		known = text
		t[text] = text
	}
	return known
}

// insert puts an event where it belongs, which is mostly the end.
func insert(events []event, e event) []event {
	at, _ := slices.BinarySearchFunc(events, e, func(a, b event) int { return cmp.Compare(a.id, b.id) })
	return slices.Insert(slices.Clip(events), at, e)
}

// Writes returns what was written at the place, the last first.
func (h *history) Writes(p guard.Place) []guard.Write {
	h.mu.RLock()
	defer h.mu.RUnlock()
	at := h.places[p]
	if at == nil {
		return nil
	}
	writes := make([]guard.Write, 0, len(at.writes))
	for _, e := range slices.Backward(at.writes) {
		writes = append(writes, guard.Write{
			RunID: e.id, Commit: e.commit, Base: e.base, Branch: e.branch, URL: e.url, Ended: e.ended,
			Old: e.old, New: e.new, PolicyGeneration: e.generation,
		})
	}
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
		last = at.writes[len(at.writes)-1].id
	}
	for _, e := range at.refusals {
		if e.id > last {
			return e.generation, true
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
	h := &history{key: key, runs: map[string]*told{}, places: map[guard.Place]*place{}}
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
	for hs.weight > hs.limit && hs.recent.Len() > 1 {
		last := hs.recent.Back()
		old := hs.recent.Remove(last).(*history)
		delete(hs.known, old.key)
		hs.weight -= old.counted
	}
}
