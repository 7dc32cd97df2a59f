// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/tagindex"
)

// lists are the tag lists of one call, so that requests over the same list share its order. Not for concurrent use.
type lists map[[sha256.Size]byte]*list

type list struct {
	tags []policy.Tag
	// index is made for the second request over the list: one alone is answered faster by looking at each tag once.
	index *tagindex.Index
}

// evaluate answers a policy over a list of tags, doubles counting once. Errors: a *rpcerr.Error for a tag that can be
// none, policy's, the context's.
func (l lists) evaluate(ctx context.Context, names []string, p *policy.Policy) (policy.Result, error) {
	sum := fingerprint(names)
	known, again := l[sum]
	if !again {
		if err := checkTags(names, ""); err != nil {
			return policy.Result{}, err
		}
		known = &list{tags: policy.TagsOf(names)}
		l[sum] = known
		return policy.Evaluate(ctx, p, known.tags)
	}
	if known.index == nil {
		known.index = tagindex.New()
		known.index.Apply(tagindex.Delta{Whole: true, Added: known.tags})
	}
	snapshot, err := known.index.Prepare(ctx, p)
	if err != nil {
		return policy.Result{}, err
	}
	return snapshot.Evaluate(ctx, p)
}

// checkTags says which tag can be none; the path gets the prefix.
func checkTags(names []string, prefix string) error {
	for i, name := range names {
		if n := len(name); n == 0 || n > maxTagLength {
			return rpcerr.Field(fmt.Sprintf("%stagList.tags[%d]", prefix, i),
				fmt.Sprintf("has %d bytes; a tag has 1 to %d", n, maxTagLength))
		}
	}
	return nil
}

// fingerprint tells lists apart; their lengths are in it, so that no two lists look the same.
func fingerprint(names []string) [sha256.Size]byte {
	h := sha256.New()
	var size [8]byte
	for _, name := range names {
		binary.BigEndian.PutUint64(size[:], uint64(len(name)))
		_, _ = h.Write(size[:]) // a hash's Write never fails
		_, _ = h.Write([]byte(name))
	}
	return [sha256.Size]byte(h.Sum(nil))
}
