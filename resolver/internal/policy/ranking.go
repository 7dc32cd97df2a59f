// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"context"
	"iter"
)

// The classes of keys; see the package comment.
const (
	classUnparsable byte = iota
	classOrdered
	classRelease

	classPrerelease = classOrdered
)

// ordering is what tags are ordered by.
type ordering int

const (
	byTime ordering = iota
	bySemVer
	byBytes
	byNumber
)

// RankingID identifies a ranking: equal IDs give equal keys. It is comparable, and of no other use.
type RankingID struct {
	pattern, extract string
	by               ordering
}

// Ranking encodes tags as keys in the order of a policy. It is immutable and safe for concurrent use.
type Ranking struct {
	id     RankingID
	filter *filter // nil: every tag passes, whole
}

// ID returns the ranking's identity.
func (r *Ranking) ID() RankingID { return r.id }

// appendKey appends the tag's key to dst. False means that the filter does not match the tag: nothing is appended.
func (r *Ranking) appendKey(dst []byte, tag Tag) ([]byte, bool) {
	text := tag.Name
	if r.filter != nil {
		var ok bool
		if text, ok = r.filter.apply(text); !ok {
			return dst, false
		}
	}
	switch r.id.by {
	case bySemVer:
		return appendSemVerKey(dst, text), true
	case byNumber:
		return appendNumberKey(dst, text), true
	case byBytes:
		return append(append(dst, classOrdered), text...), true
	case byTime:
		return appendTimeKey(dst, tag, text), true
	default:
		return append(dst, classUnparsable), true
	}
}

// Entries encodes all tags: yield gets those that the filter matches, in the tags' order. The error is the context's.
func (r *Ranking) Entries(ctx context.Context, tags iter.Seq[Tag], yield func(Entry)) error {
	var key []byte
	i := 0
	for tag := range tags {
		if err := checkAt(ctx, i); err != nil {
			return err
		}
		i++
		var matched bool
		if key, matched = r.appendKey(key[:0], tag); matched {
			yield(Entry{Key: string(key), Tag: tag.Name})
		}
	}
	return nil
}

// Entry returns the tag with its key. False means that the filter does not match it.
func (r *Ranking) Entry(tag Tag) (Entry, bool) {
	key, matched := r.appendKey(nil, tag)
	return Entry{Key: string(key), Tag: tag.Name}, matched
}
