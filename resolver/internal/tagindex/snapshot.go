// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import (
	"cmp"
	"iter"
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

// Evaluate answers the policy as policy.Evaluate does over all tags: with the same result and errors. It takes a few searches
// if the snapshot has the policy's view (see Index.Prepare and Index.Acquire), else it looks at every tag.
func (s *Snapshot) Evaluate(p *policy.Policy) (policy.Result, error) {
	v, ok := s.views[p.Ranking().ID()]
	if !ok {
		return policy.Evaluate(p, slices.Collect(s.Tags())) //nolint:wrapcheck // its sentinels are the documented ones
	}
	return p.Pick(ranked{considered: s.tags.size, entries: v.entries}) //nolint:wrapcheck // as above
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

// newView parses and orders all tags.
func newView(r *policy.Ranking, tags *list[policy.Tag]) *view {
	v := &view{ranking: r, use: &use{}, entries: newList(func(a, b policy.Entry) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Tag, b.Tag))
	})}
	edits := make([]edit[policy.Entry], 0, tags.size)
	var key []byte
	for tag := range tags.all {
		var matched bool
		if key, matched = r.AppendKey(key[:0], tag); matched {
			edits = append(edits, edit[policy.Entry]{element: policy.Entry{Key: string(key), Tag: tag.Name}})
		}
	}
	v.entries = v.entries.edited(edits)
	return v
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
	key, matched := v.ranking.AppendKey(nil, *tag)
	return policy.Entry{Key: string(key), Tag: tag.Name}, matched
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
