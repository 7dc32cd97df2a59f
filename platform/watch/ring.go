// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import "slices"

// ring remembers the last changes: which group, at which revision.
type ring[ID comparable] struct {
	changes []change[ID]
	// start is the oldest change's place; the ring is full when size changes are held.
	start, size int
	// floor is the earliest revision since which every change is held.
	floor int64
}

type change[ID comparable] struct {
	revision int64
	id       ID
}

func newRing[ID comparable](size int) *ring[ID] {
	return &ring[ID]{size: size}
}

// add appends a change, forgetting the oldest if it must. Revisions never fall.
func (r *ring[ID]) add(revision int64, id ID) {
	if len(r.changes) < r.size {
		r.changes = append(r.changes, change[ID]{revision, id})
		return
	}
	// A reader at the forgotten change's revision has seen it; one before has not.
	r.floor = r.changes[r.start].revision
	r.changes[r.start] = change[ID]{revision, id}
	r.start = (r.start + 1) % r.size
}

// since returns the groups changed after the revision, each once, in the order of their last changes; false when some
// of the changes are forgotten.
func (r *ring[ID]) since(revision int64) ([]ID, bool) {
	if revision < r.floor {
		return nil, false
	}
	var ids []ID
	seen := map[ID]struct{}{}
	for i := len(r.changes) - 1; i >= 0; i-- {
		c := r.changes[(r.start+i)%len(r.changes)]
		if c.revision <= revision {
			break
		}
		if _, ok := seen[c.id]; !ok {
			seen[c.id] = struct{}{}
			ids = append(ids, c.id)
		}
	}
	slices.Reverse(ids)
	return ids, true
}
