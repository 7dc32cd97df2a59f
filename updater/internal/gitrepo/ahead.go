// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"errors"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// Ahead returns the commits that can be reached from tip (of ref) and not from base, at most most+1 of them,
// so that the caller can tell that there are more than most. They are newest first, a commit always before its
// parents. History that the cache lacks is fetched as far as the answer needs it. A base that the remote does
// not know any more, or that has nothing in common with tip, excludes nothing, nor does a zero one. Errors are
// those of Contains.
func (r *Repo) Ahead(ctx context.Context, ref Ref, tip, base Hash, most int) ([]Hash, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.damaged || r.store == nil {
		return nil, r.fail("fetch", ErrCacheDamaged, "", nil)
	}
	if tip.IsZero() || tip == base {
		return nil, nil
	}
	var ahead []Hash
	err := r.deepenUntil(ctx, ref, tip, base, false, func() (seen horizon, err error) {
		d := &difference{repo: r, tip: tip, base: base, most: max(most, 0), commits: map[Hash]*place{}}
		ahead, seen, err = d.find()
		return seen, err
	})
	if err != nil {
		return nil, err
	}
	return ahead, nil
}

// place is a commit in the part of the history that can be seen.
type place struct {
	hash    Hash
	parents []Hash
	when    int64
	steps   int
	missing bool // not in the cache: nobody knows what is beyond it
	below   bool // reachable from base
	waits   int  // children that are ahead and not listed yet
	reaches uint64
}

// difference is one search for the commits that are ahead.
type difference struct {
	repo      *Repo
	tip, base Hash
	most      int
	commits   map[Hash]*place
}

// find lists what is ahead as far as the cache can tell, and whether that is certain.
func (d *difference) find() ([]Hash, horizon, error) {
	list, near, err := d.near()
	if near || err != nil {
		return list, horizon{answered: true}, err
	}
	var below []*place
	if !d.base.IsZero() {
		if below, err = d.walk(d.base, true); err != nil {
			return nil, horizon{}, err
		}
	}
	ahead, err := d.walk(d.tip, false)
	if err != nil {
		return nil, horizon{}, err
	}
	var hidden, gaps []*place // not in the cache: below base, and ahead of it
	far := 0
	for _, p := range slices.Concat(below, ahead) {
		switch {
		case !p.missing:
			continue
		case p.below:
			hidden = append(hidden, p)
		default:
			gaps = append(gaps, p)
		}
		far = max(far, p.steps)
	}
	present := slices.DeleteFunc(ahead, func(p *place) bool { return p.missing })
	list = d.newestFirst(present)
	certain := (len(gaps) == 0 || len(list) > d.most) && d.noneBeneath(present, hidden, below)
	return list, horizon{answered: certain, far: far}, nil
}

// near handles the common case, in which every way down from tip comes to base after a few commits, without
// looking at what is beneath base: nothing that descends from base can be reached from it.
func (d *difference) near() ([]Hash, bool, error) {
	seen := map[Hash]bool{d.tip: true}
	var found []*place
	for queue := []Hash{d.tip}; len(queue) > 0; queue = queue[1:] {
		commit, err := d.repo.readHead(queue[0])
		if errors.Is(err, plumbing.ErrObjectNotFound) || (err == nil && (len(commit.parents) == 0 || len(found) > d.most)) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		found = append(found, &place{hash: queue[0], parents: commit.parents, when: commit.when})
		for _, parent := range commit.parents {
			if !seen[parent] && parent != d.base {
				seen[parent] = true
				queue = append(queue, parent)
			}
		}
	}
	for _, p := range found {
		d.commits[p.hash] = p
	}
	list := d.newestFirst(found)
	clear(d.commits)
	return list, true, nil
}

// walk collects what can be reached from a commit and was not collected before, nearest first.
func (d *difference) walk(from Hash, below bool) ([]*place, error) {
	if d.commits[from] != nil {
		return nil, nil
	}
	start := &place{hash: from, below: below}
	d.commits[from] = start
	found := []*place{start}
	for i := 0; i < len(found); i++ {
		p := found[i]
		commit, err := d.repo.readHead(p.hash)
		if p.missing = errors.Is(err, plumbing.ErrObjectNotFound); p.missing {
			continue
		}
		if err != nil {
			return nil, err
		}
		p.parents, p.when = commit.parents, commit.when
		for _, parent := range commit.parents {
			if d.commits[parent] == nil {
				next := &place{hash: parent, below: below, steps: p.steps + 1}
				d.commits[parent] = next
				found = append(found, next)
			}
		}
		if len(d.commits) > maxAncestors {
			return nil, errManyCommits
		}
	}
	return found, nil
}

// noneBeneath tells whether it is certain that no commit that seems ahead can be reached from base through
// what is hidden: there is nothing hidden, or every one of them descends from all that is hidden, and a history
// has no circle.
func (d *difference) noneBeneath(ahead, hidden, below []*place) bool {
	if len(hidden) == 0 {
		return true
	}
	if len(hidden) > 64 {
		return false
	}
	for i, p := range hidden {
		p.reaches = 1 << i
	}
	all := ^uint64(0) >> (64 - len(hidden))
	d.gather(below)
	d.gather(ahead)
	return !slices.ContainsFunc(ahead, func(p *place) bool { return p.reaches != all })
}

// gather gives each commit what its parents reach, parents first. The parents of what is ahead may be below,
// never the other way round.
func (d *difference) gather(places []*place) {
	for _, p := range slices.Backward(d.sorted(places)) {
		for _, parent := range p.parents {
			p.reaches |= d.commits[parent].reaches
		}
	}
}

// newestFirst lists the first most+1 of commits.
func (d *difference) newestFirst(places []*place) []Hash {
	sorted := d.sorted(places)
	list := make([]Hash, 0, min(len(sorted), d.most+1))
	for _, p := range sorted[:cap(list)] {
		list = append(list, p.hash)
	}
	return list
}

// sorted orders commits by their time, newest first, but for this: none comes before one of its children.
func (d *difference) sorted(places []*place) []*place {
	within := make(map[Hash]bool, len(places))
	for _, p := range places {
		within[p.hash], p.waits = true, 0
	}
	for _, p := range places {
		for _, parent := range p.parents {
			if within[parent] {
				d.commits[parent].waits++
			}
		}
	}
	ready := &byTime{}
	for _, p := range places {
		if p.waits == 0 {
			heap.Push(ready, p)
		}
	}
	sorted := make([]*place, 0, len(places))
	for ready.Len() > 0 {
		p, _ := heap.Pop(ready).(*place)
		sorted = append(sorted, p)
		for _, parent := range p.parents {
			if !within[parent] {
				continue
			}
			next := d.commits[parent]
			if next.waits--; next.waits == 0 {
				heap.Push(ready, next)
			}
		}
	}
	return sorted
}

// byTime is a heap with the newest on top; of equally new ones the order is that of their ids.
type byTime []*place

func (h byTime) Len() int { return len(h) }
func (h byTime) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[j].when, h[i].when), bytes.Compare(h[i].hash[:], h[j].hash[:])) < 0
}
func (h byTime) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push and Pop are container/heap's.
func (h *byTime) Push(p any) {
	if p, is := p.(*place); is {
		*h = append(*h, p)
	}
}

// Pop takes the last one off.
func (h *byTime) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
