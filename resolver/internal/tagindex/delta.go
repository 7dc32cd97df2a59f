// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import "github.com/tidemark-io/tidemark/resolver/internal/policy"

// Delta is what makes a later revision of a tag set of an earlier one.
type Delta struct {
	// Revision is the later revision. Whether it follows the index's own is the caller's to know.
	Revision int64
	// Whole says that Added is all there is: every other tag goes.
	Whole bool
	// Added has the tags that are new or whose facts changed. Of one name the last counts. Tags that the index has already
	// as they are cost nothing more than a look.
	Added []policy.Tag
	// Removed has the names of tags that are gone; what is in Added too is there again. Unknown names are no error.
	Removed []string
}

// change is what a delta does to one tag; nil means that there is none.
type change struct{ before, after *policy.Tag }

// Apply takes in a delta and returns the snapshot that it makes. Views that no changed tag matters to stay what they are.
func (x *Index) Apply(d Delta) *Snapshot {
	x.writing.Lock()
	defer x.writing.Unlock()
	s := x.current.Load()
	changes := s.changes(d)
	next := &Snapshot{revision: d.Revision, tags: s.tags, views: s.views}
	if len(changes) > 0 {
		next.tags = s.tags.edited(tagEdits(changes))
		next.views = make(map[policy.RankingID]*view, len(s.views))
		for id, v := range s.views {
			next.views[id] = v.changed(changes)
		}
	}
	x.current.Store(next)
	return next
}

// changes returns what the delta really changes, each tag once.
func (s *Snapshot) changes(d Delta) []change {
	after := make(map[string]*policy.Tag, len(d.Added)+len(d.Removed))
	for _, name := range d.Removed {
		after[name] = nil
	}
	for i, tag := range d.Added {
		after[tag.Name] = &d.Added[i]
	}
	var changes []change
	if d.Whole {
		for tag := range s.Tags() {
			if after[tag.Name] == nil {
				after[tag.Name] = nil
			}
		}
	}
	for name, to := range after {
		from, had := s.Tag(name)
		switch {
		case had && to == nil:
			changes = append(changes, change{before: &from})
		case had && !from.Equal(*to):
			changes = append(changes, change{before: &from, after: to})
		case !had && to != nil:
			changes = append(changes, change{after: to})
		}
	}
	return changes
}

func tagEdits(changes []change) []edit[policy.Tag] {
	edits := make([]edit[policy.Tag], len(changes))
	for i, c := range changes {
		if c.after != nil {
			edits[i].element = *c.after
		} else {
			edits[i] = edit[policy.Tag]{element: *c.before, remove: true}
		}
	}
	return edits
}
