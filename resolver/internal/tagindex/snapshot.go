// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

// Snapshot is one revision of an image repository's tags. It is immutable and may be kept.
type Snapshot struct {
	revision int64
	tags     *list[policy.Tag]
	views    map[policy.RankingID]*view
}

// Revision is the tag set's revision in the scanner's store. Zero: none was applied yet.
func (s *Snapshot) Revision() int64 { return s.revision }

// Len is the number of tags.
func (s *Snapshot) Len() int { return s.tags.size }

// Tags are all tags, by name.
func (s *Snapshot) Tags() iter.Seq[policy.Tag] { return s.tags.all }

// Tag returns the tag of that name.
func (s *Snapshot) Tag(name string) (policy.Tag, bool) { return s.tags.find(policy.Tag{Name: name}) }

// Has says whether there is a tag of that name.
func (s *Snapshot) Has(name string) bool {
	_, ok := s.Tag(name)
	return ok
}

// Evaluate answers the policy as policy.Evaluate does over all tags: with the same result and errors. It takes a few searches
// if the snapshot has the policy's view (see Index.Prepare and Index.Acquire), else it looks at every tag, and the error can
// be the context's.
func (s *Snapshot) Evaluate(ctx context.Context, p *policy.Policy) (policy.Result, error) {
	v, ok := s.views[p.Ranking().ID()]
	if !ok {
		return policy.Evaluate(ctx, p, slices.Collect(s.Tags()))
	}
	return p.Pick(ranked{considered: s.tags.size, entries: v.entries})
}

// Ranked returns the tags in the policy's order. Without the policy's view they are put in order for this one call, and the
// error can be the context's.
func (s *Snapshot) Ranked(ctx context.Context, p *policy.Policy) (policy.Ranked, error) {
	v, ok := s.views[p.Ranking().ID()]
	if !ok {
		var err error
		if v, err = newView(ctx, p.Ranking(), s.tags); err != nil {
			return nil, err
		}
	}
	return ranked{considered: s.tags.size, entries: v.entries}, nil
}

// with returns the snapshot with one more view.
func (s *Snapshot) with(v *view) *Snapshot {
	views := make(map[policy.RankingID]*view, len(s.views)+1)
	maps.Copy(views, s.views)
	views[v.ranking.ID()] = v
	return &Snapshot{revision: s.revision, tags: s.tags, views: views}
}

// view is the tags in the order of one ranking.
type view struct {
	ranking *policy.Ranking
	entries *list[policy.Entry]
	use     *use
}

// use is shared by a view and those that follow it in later snapshots.
type use struct {
	holders int          // guarded by Index.writing
	last    atomic.Int64 // tick of the last use
}

func newTags() *list[policy.Tag] {
	return newList(func(a, b policy.Tag) int { return strings.Compare(a.Name, b.Name) })
}

// newView parses and orders all tags. The error is the context's.
func newView(ctx context.Context, r *policy.Ranking, tags *list[policy.Tag]) (*view, error) {
	empty := newList(func(a, b policy.Entry) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Tag, b.Tag))
	})
	edits := make([]edit[policy.Entry], 0, tags.size)
	if err := r.Entries(ctx, tags.all, func(e policy.Entry) {
		edits = append(edits, edit[policy.Entry]{element: e})
	}); err != nil {
		return nil, fmt.Errorf("building a view of %d tags: %w", tags.size, err)
	}
	return &view{ranking: r, use: &use{}, entries: empty.edited(edits)}, nil
}

// changed returns the view after some tags changed: the view itself if none of them matters to it.
func (v *view) changed(changes []change) *view {
	var edits []edit[policy.Entry]
	for _, c := range changes {
		before, had := v.entry(c.before)
		after, has := v.entry(c.after)
		if had && has && before == after {
			continue
		}
		if had {
			edits = append(edits, edit[policy.Entry]{element: before, remove: true})
		}
		if has {
			edits = append(edits, edit[policy.Entry]{element: after})
		}
	}
	if len(edits) == 0 {
		return v
	}
	return &view{ranking: v.ranking, use: v.use, entries: v.entries.edited(edits)}
}

// entry returns what the view holds of a tag; nothing if there is no tag or its filter leaves it out.
func (v *view) entry(tag *policy.Tag) (policy.Entry, bool) {
	if tag == nil {
		return policy.Entry{}, false
	}
	return v.ranking.Entry(*tag)
}

// ranked shows a view to a policy.
type ranked struct {
	considered int
	entries    *list[policy.Entry]
}

func (r ranked) Considered() int       { return r.considered }
func (r ranked) Len() int              { return r.entries.size }
func (r ranked) At(i int) policy.Entry { return r.entries.at(i) }
func (r ranked) Search(key string) int {
	return r.entries.search(func(e policy.Entry) bool { return e.Key < key })
}
