// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

// maxIdle is how many views stay that no held policy uses: those of policies that are asked for without being stored.
const maxIdle = 4

// Index holds the tags of one image repository. Its zero value is not ready: see New.
type Index struct {
	current  atomic.Pointer[Snapshot]
	ticks    atomic.Int64  // counts uses of views, for the oldest to go first
	building chan struct{} // holds one element while a view is built
	writing  sync.Mutex    // held by who makes the next snapshot; after building, where both are
}

// New returns an index without tags, at revision zero.
func New() *Index {
	x := &Index{building: make(chan struct{}, 1)}
	x.current.Store(&Snapshot{tags: newTags()})
	return x
}

// Snapshot returns the newest revision.
func (x *Index) Snapshot() *Snapshot { return x.current.Load() }

// Acquire holds the policy's view until release is called: from now on each snapshot answers the policy in a few searches.
// Policies of one ranking share a view. The error is the context's, if it ends while a view is built. Calling release again
// does nothing.
func (x *Index) Acquire(ctx context.Context, p *policy.Policy) (release func(), err error) {
	v := x.hold(p.Ranking().ID())
	if v == nil {
		if _, v, err = x.build(ctx, p.Ranking(), 1); err != nil {
			return nil, err
		}
	}
	return sync.OnceFunc(func() {
		x.writing.Lock()
		defer x.writing.Unlock()
		v.use.holders--
		x.touch(v)
		x.dropIdle()
	}), nil
}

// hold returns the view with one more holder; nil if it is not there.
func (x *Index) hold(id policy.RankingID) *view {
	x.writing.Lock()
	defer x.writing.Unlock()
	v := x.current.Load().views[id]
	if v != nil {
		v.use.holders++
	}
	return v
}

// Prepare returns the newest snapshot with the policy's view in it, and builds the view if it is not there. It is for
// policies that nobody holds: their views make way for others of the kind. The error is the context's, if it ends while a
// view is built.
func (x *Index) Prepare(ctx context.Context, p *policy.Policy) (*Snapshot, error) {
	s := x.current.Load()
	if v, ok := s.views[p.Ranking().ID()]; ok {
		x.touch(v)
		return s, nil
	}
	s, _, err := x.build(ctx, p.Ranking(), 0)
	return s, err
}

// build makes the view, puts it into the current snapshot, and adds holders to it. Others read and write meanwhile: what
// they changed is caught up with at the end.
func (x *Index) build(ctx context.Context, r *policy.Ranking, holders int) (*Snapshot, *view, error) {
	select {
	case x.building <- struct{}{}:
		defer func() { <-x.building }()
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("waiting for another view: %w", context.Cause(ctx))
	}
	begun := x.current.Load()
	v, ok := begun.views[r.ID()]
	if !ok {
		var err error
		if v, err = newView(ctx, r, begun.tags); err != nil {
			return nil, nil, err
		}
	}
	x.writing.Lock()
	defer x.writing.Unlock()
	s := x.current.Load()
	if newest, ok := s.views[r.ID()]; ok {
		v = newest
	} else {
		if s.tags != begun.tags {
			v = v.changed(begun.changes(Delta{Whole: true, Added: slices.Collect(s.Tags())}))
		}
		s = s.with(v)
		x.current.Store(s)
	}
	v.use.holders += holders
	x.touch(v)
	x.dropIdle()
	return s, v, nil
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
