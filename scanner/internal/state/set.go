// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

// Set is a tag set as the store had it at one revision.
type Set struct {
	Head tagset.Head
	// Revision is the store's when the head was last written: the tag set's revision. Zero: there is no set.
	Revision int64
	// At is the store's revision that head and chunks are read at.
	At int64

	state *State
}

// Of says whether the set is that of the object with the uid; false for one that is not there.
func (s Set) Of(uid string) bool { return s.Revision != 0 && s.Head.UID == uid }

// Set reads an object's tag set as it is now; Revision is zero where there is none. Errors: tagset.ErrCorrupt, with a
// Set that has its Revision; store.ErrUnavailable.
func (s *State) Set(ctx context.Context, key object.Key) (Set, error) { return s.SetAt(ctx, key, 0) }

// CachedHead is the head of an object's tag set as the cache has it; the zero Head where there is none that can be read.
func (s *State) CachedHead(key object.Key) tagset.Head {
	attachment, ok := s.Repositories.Attachment(headPart, key)
	if !ok {
		return tagset.Head{}
	}
	head, err := tagset.DecodeHead(attachment.Value)
	if err != nil {
		return tagset.Head{}
	}
	return head
}

// EventHead is the head that comes with an event of Repositories, and its revision; zero where there is none.
func EventHead(event object.Event[Repository]) (tagset.Head, int64) {
	attachment, ok := event.Attachments[headPart]
	if !ok {
		return tagset.Head{}, 0
	}
	head, err := tagset.DecodeHead(attachment.Value)
	if err != nil {
		return tagset.Head{}, 0
	}
	return head, attachment.Revision
}

// SetAt reads the tag set as it was at a revision of the store; zero means now. Errors: Set's, and ErrForgotten.
func (s *State) SetAt(ctx context.Context, key object.Key, at int64) (Set, error) {
	var opts []clientv3.OpOption
	if at != 0 {
		opts = append(opts, clientv3.WithRev(at))
	}
	resp, err := s.client.Get(ctx, s.headKey(key), opts...)
	if err != nil {
		return Set{}, wrapPast("reading the tags of "+key.String(), err)
	}
	set := Set{At: at, state: s}
	if at == 0 {
		set.At = resp.Header.GetRevision()
	}
	for _, kv := range resp.Kvs {
		set.Revision = kv.GetModRevision()
		if set.Head, err = tagset.DecodeHead(kv.GetValue()); err != nil {
			return set, fmt.Errorf("the tags of %s: %w", key, err)
		}
	}
	return set, nil
}

// Reader reads the set's chunks.
func (s Set) Reader(ctx context.Context) tagset.Reader {
	return func(ids []string) (map[string][]byte, error) {
		ops := make([]clientv3.Op, len(ids))
		for i, id := range ids {
			ops[i] = clientv3.OpGet(s.state.chunkKey(s.Head.UID, id), clientv3.WithRev(s.At))
		}
		resp, err := s.state.client.Txn(ctx).Then(ops...).Commit()
		if err != nil {
			return nil, wrapPast("reading chunks of tags", err)
		}
		found := make(map[string][]byte, len(ids))
		for i, one := range resp.Responses {
			for _, kv := range one.GetResponseRange().GetKvs() {
				found[ids[i]] = kv.GetValue()
			}
		}
		return found, nil
	}
}

// Entries reads the whole set in the order of the tags; see tagset.Head.Entries. Errors: tagset.ErrCorrupt, ErrForgotten,
// store.ErrUnavailable.
func (s Set) Entries(ctx context.Context) iter.Seq2[tagset.Entry, error] {
	return s.Head.Entries(s.Reader(ctx))
}

// Since is what leads from an earlier set of the same object to this one. Errors: those of Entries.
func (s Set) Since(ctx context.Context, earlier Set) (tagset.Delta, error) {
	past, now := earlier.Reader(ctx), s.Reader(ctx)
	ours := make(map[string]bool, len(s.Head.Chunks))
	for _, ref := range s.Head.Chunks {
		ours[ref.ID] = true
	}
	return tagset.Diff(earlier.Head, s.Head, func(ids []string) (map[string][]byte, error) {
		// Diff asks for chunks that one of the two has alone, those of one at a time.
		if len(ids) > 0 && ours[ids[0]] {
			return now(ids)
		}
		return past(ids)
	})
}

// wrapPast gives an error of reading at a revision its sentinel.
func wrapPast(doing string, err error) error {
	if errors.Is(err, rpctypes.ErrCompacted) || errors.Is(err, rpctypes.ErrFutureRev) {
		return fmt.Errorf("%s: %w", doing, ErrForgotten)
	}
	return store.Wrap(doing, err)
}
