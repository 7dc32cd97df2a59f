// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

// maxIdle is how many views stay that no held policy uses: those of policies that are asked for without being stored.
const maxIdle = 4

// Index holds the tags of one image repository. Its zero value is not ready: see New.
type Index struct {
	current atomic.Pointer[Snapshot]
	ticks   atomic.Int64 // counts uses of views, for the oldest to go first
	writing sync.Mutex   // held by who makes the next snapshot
}

// New returns an index without tags, at revision zero.
func New() *Index {
	x := &Index{}
	x.current.Store(&Snapshot{tags: newTags()})
	return x
}

// Snapshot returns the newest revision.
func (x *Index) Snapshot() *Snapshot { return x.current.Load() }

// Acquire holds the policy's view until release is called: from now on each snapshot answers the policy in a few searches.
// Policies of one ranking share a view. Calling release again does nothing.
func (x *Index) Acquire(p *policy.Policy) (release func()) {
	x.writing.Lock()
	defer x.writing.Unlock()
	_, v := x.ensure(p)
	v.use.holders++
	return sync.OnceFunc(func() {
		x.writing.Lock()
		defer x.writing.Unlock()
		v.use.holders--
		x.touch(v)
		x.dropIdle()
	})
}

// Prepare returns the newest snapshot with the policy's view in it, and builds the view if it is not there. It is for
// policies that nobody holds: their views make way for others of the kind.
func (x *Index) Prepare(p *policy.Policy) *Snapshot {
	s := x.current.Load()
	if v, ok := s.views[p.Ranking().ID()]; ok {
		x.touch(v)
		return s
	}
	x.writing.Lock()
	defer x.writing.Unlock()
	s, _ = x.ensure(p)
	x.dropIdle()
	return s
}

// ensure returns the current snapshot, made to have the policy's view. The caller holds writing.
func (x *Index) ensure(p *policy.Policy) (*Snapshot, *view) {
	s := x.current.Load()
	v, ok := s.views[p.Ranking().ID()]
	if !ok {
		v = newView(p.Ranking(), s.tags)
		views := maps.Clone(s.views)
		if views == nil {
			views = make(map[policy.RankingID]*view, 1)
		}
		views[p.Ranking().ID()] = v
		s = &Snapshot{revision: s.revision, tags: s.tags, views: views}
		x.current.Store(s)
	}
	x.touch(v)
	return s, v
}

func (x *Index) touch(v *view) { v.use.last.Store(x.ticks.Add(1)) }

// dropIdle takes out the views that nobody holds, but for the last few used. The caller holds writing.
func (x *Index) dropIdle() {
	s := x.current.Load()
	views := s.views
	for {
		idle := 0
		var oldest policy.RankingID
		var since int64
		for id, v := range views {
			if v.use.holders > 0 {
				continue
			}
			if last := v.use.last.Load(); idle == 0 || last < since {
				oldest, since = id, last
			}
			idle++
		}
		if idle <= maxIdle {
			break
		}
		views = maps.Clone(views)
		delete(views, oldest)
	}
	if len(views) < len(s.views) {
		x.current.Store(&Snapshot{revision: s.revision, tags: s.tags, views: views})
	}
}
