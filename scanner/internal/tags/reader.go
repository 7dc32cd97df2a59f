// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sort"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

var (
	// ErrNotScanned says that no scan of the object has succeeded yet.
	ErrNotScanned = errors.New("has not been scanned successfully yet")
	// ErrNoTag says that the set does not have the tag.
	ErrNoTag = errors.New("no such tag")
	// ErrPageGone says that a page's place is of a revision or an object that is no more.
	ErrPageGone = errors.New("the listing's revision is gone")
)

// Reader reads tag sets.
type Reader struct {
	State *state.State
}

// Set is an object and its tags.
type Set struct {
	Repository state.Repository
	state.Set
}

// Open reads an object and its tag set as it is now. Errors: object.ErrNotFound; ErrNotScanned, with the object;
// store.ErrUnavailable.
func (r *Reader) Open(ctx context.Context, key object.Key) (Set, error) { return r.openAt(ctx, key, 0) }

func (r *Reader) openAt(ctx context.Context, key object.Key, at int64) (Set, error) {
	repository, err := r.State.Repositories.Get(ctx, key)
	if err != nil {
		return Set{}, err
	}
	set, err := r.State.SetAt(ctx, key, at)
	if err == nil && !set.Of(repository.GetMetadata().GetUid()) {
		err = fmt.Errorf("ImageRepository %s %w", key, ErrNotScanned)
	}
	return Set{Repository: repository, Set: set}, err
}

// Find returns a tag of the set that is not excluded. Errors: ErrNoTag, and those of state.Set's Entries.
func (s Set) Find(ctx context.Context, tag string) (tagset.Entry, error) {
	for entry, err := range s.from(ctx, tag) {
		if err != nil {
			return tagset.Entry{}, err
		}
		if entry.Tag == tag && entry.Visible() {
			return entry, nil
		}
		if entry.Tag > tag {
			break
		}
	}
	return tagset.Entry{}, fmt.Errorf("%s:%s: %w", s.Head.Image, tag, ErrNoTag)
}

// from reads the entries beginning with the chunk that would hold the tag.
func (s Set) from(ctx context.Context, tag string) iter.Seq2[tagset.Entry, error] {
	rest := s.Head
	first := sort.Search(len(rest.Chunks), func(i int) bool { return rest.Chunks[i].First > tag })
	rest.Chunks = rest.Chunks[max(0, first-1):]
	return rest.Entries(s.Reader(ctx))
}

// Changes is what leads from the set of a revision to this one. whole says that the earlier set cannot be read, or is of
// another object or image: then the changes are the whole set. Errors: those of state.Set's Entries.
func (r *Reader) Changes(ctx context.Context, s Set, uid string, revision int64) (delta tagset.Delta, whole bool, err error) {
	if s.Of(uid) && s.Revision == revision {
		return tagset.Delta{}, false, nil
	}
	if s.Of(uid) && revision > 0 && revision < s.Revision {
		key := object.KeyOfMeta(s.Repository.GetMetadata())
		earlier, err := r.State.SetAt(ctx, key, revision)
		if err == nil && earlier.Of(uid) && earlier.Revision == revision && earlier.Head.Image == s.Head.Image {
			if delta, err = s.Since(ctx, earlier); err == nil {
				return delta, false, nil
			}
		}
		if err != nil && !errors.Is(err, state.ErrForgotten) && !errors.Is(err, tagset.ErrCorrupt) {
			return delta, false, err
		}
	}
	for entry, err := range s.Entries(ctx) {
		if err != nil {
			return delta, true, err
		}
		if entry.Visible() {
			delta.Added = append(delta.Added, entry)
		}
	}
	return delta, true, nil
}
