// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

// MaxCreated is how many tags can be ordered by their creation at most: each must be asked for.
const MaxCreated = 1000

// ErrTooMany says that a listing is too large for its order.
var ErrTooMany = errors.New("too many tags to be ordered by the time of creation")

// By is what tags are ordered by.
type By int

// The orders. Of equals the bytes decide.
const (
	ByName By = iota
	// ByVersion has tags that are no versions before the others.
	ByVersion
	// ByCreated has those before the others whose time is not known.
	ByCreated
	ByFirstSeen
)

// Order is an order of tags; the zero value is by name.
type Order struct {
	By By
	// Descending turns the order round.
	Descending bool
}

// item is an entry with what it is ordered by.
type item struct {
	tagset.Entry
	version tagset.Version
	time    int64
}

// compare is negative where a comes before b.
func (o Order) compare(a, b item) int {
	if o.Descending {
		a, b = b, a
	}
	switch o.By {
	case ByVersion:
		return a.version.Compare(b.version)
	case ByCreated, ByFirstSeen:
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.Tag, b.Tag))
	case ByName:
	}
	return cmp.Compare(a.Tag, b.Tag)
}

// item makes an entry comparable; an order by creation gives it its time later.
func (o Order) item(entry tagset.Entry) item {
	i := item{Entry: entry}
	switch o.By {
	case ByVersion:
		i.version = tagset.VersionOf(entry.Tag)
	case ByFirstSeen:
		i.time = entry.FirstSeen.UnixMicro()
	case ByName, ByCreated:
	}
	return i
}

// ordered goes through the whole set and keeps two pages of it at most in memory.
func (q Query) ordered(ctx context.Context, set Set, at place) (page []tagset.Entry, next string, err error) {
	after := q.Order.item(tagset.Entry{Tag: at.after})
	after.time = at.time
	var items []item
	if q.Order.By == ByCreated {
		items, err = q.created(ctx, set)
		items = slices.DeleteFunc(items, func(i item) bool { return at.after != "" && q.Order.compare(i, after) <= 0 })
	} else {
		items, err = q.first(ctx, set, func(i item) bool { return at.after == "" || q.Order.compare(i, after) > 0 })
	}
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(items, q.Order.compare)
	more := len(items) > q.Size
	items = items[:min(len(items), q.Size)]
	for _, i := range items {
		page = append(page, i.Entry)
	}
	if more {
		last := items[len(items)-1]
		next = at.next(set.At, last.Tag, last.time)
	}
	return page, next, nil
}

// first are at least the first items that a page needs, and one more, of those that are kept.
func (q Query) first(ctx context.Context, set Set, keep func(item) bool) ([]item, error) {
	var items []item
	for entry, err := range set.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		if !q.matches(entry) {
			continue
		}
		if i := q.Order.item(entry); keep(i) {
			items = append(items, i)
		}
		if len(items) > 2*(q.Size+1) {
			slices.SortFunc(items, q.Order.compare)
			items = items[:q.Size+1]
		}
	}
	return items, nil
}

// created are all items with their times of creation.
func (q Query) created(ctx context.Context, set Set) ([]item, error) {
	var items []item
	var names []string
	for entry, err := range set.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		if !q.matches(entry) {
			continue
		}
		if len(items) == MaxCreated {
			return nil, fmt.Errorf("%w: more than %d match; name fewer by a pattern, or choose another order", ErrTooMany, MaxCreated)
		}
		items, names = append(items, q.Order.item(entry)), append(names, entry.Tag)
	}
	for i, made := range q.Created(ctx, set, names) {
		items[i].time = microseconds(made)
	}
	return items, nil
}

// microseconds since 1970; a time that is not known is before all others.
func microseconds(t time.Time) int64 {
	if t.IsZero() {
		return -1 << 63
	}
	return t.UnixMicro()
}
