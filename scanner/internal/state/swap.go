// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"errors"
	"fmt"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/scanner/internal/origin"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

// etcd takes 128 operations and 1.5 MiB in one transaction by default.
const (
	maxOps   = 64
	maxBytes = 1 << 20
)

// Swap is a new tag set in place of the stored one.
type Swap struct {
	// Was is the set that the new one was made from; its Revision must still be the stored one's.
	Was Set
	// Head is the new one.
	Head tagset.Head
	// Write are the chunks that the store lacks.
	Write []tagset.Chunk
	// Told are tracked tags, at most MaxMoved, whose digests are known with it.
	Told []Tracked
	// Found is the scan, where it found tags that were never seen; nil: it did not.
	Found *origin.Scan
	// Anew says that the set was not made from Was, so that what was noted of earlier scans is of no use.
	Anew bool
	// Mutate changes the status with it; see object.StatusChange. It must not say object.ErrUnchanged.
	Mutate func(Repository) error
}

// Swap stores the set: first the chunks, then head and status in one transaction, and it deletes the chunks that the old
// head named and the new one does not. It returns the object. Errors: object.ErrConflict when the stored set is no longer
// Was; object.ErrNotFound when the object is gone or has another uid; store.ErrUnavailable. After an error the stored set
// is what it was.
func (s *State) Swap(ctx context.Context, key object.Key, swap Swap) (Repository, error) {
	uid := swap.Head.UID
	if err := s.writeChunks(ctx, uid, swap.Write); err != nil {
		return nil, err
	}
	encoded, err := swap.Head.Encode()
	if err != nil {
		return nil, err
	}
	noted, err := s.noting(ctx, swap)
	if err != nil {
		return nil, errors.Join(err, s.sweepFailed(context.WithoutCancel(ctx), key, swap))
	}
	obsolete := unnamed(swap.Was.Head.Chunks, swap.Head.Chunks)
	now := min(len(obsolete), maxOps)
	repository, err := s.Repositories.ChangeStatus(ctx, key, uid, object.StatusChange[Repository]{
		Mutate: swap.Mutate,
		If:     s.still(key, swap),
		Also:   slices.Concat(s.deletions(uid, obsolete[:now]), s.telling(uid, swap.Told), noted, []clientv3.Op{clientv3.OpPut(s.headKey(key), string(encoded))}),
	})
	if err != nil {
		return nil, errors.Join(err, s.sweepFailed(context.WithoutCancel(ctx), key, swap))
	}
	if err := s.deleteChunks(ctx, key, uid, obsolete[now:]); err != nil {
		s.logger.WarnContext(ctx, "old chunks stay until the next start", "repository", key.String(), "error", err)
	}
	return repository, nil
}

// Keep changes the status to one that goes with the stored set as it was read, and leaves the set. Errors:
// object.ErrConflict when that is another one by now, and Swap's others.
func (s *State) Keep(ctx context.Context, key object.Key, uid string, was Set, mutate func(Repository) error) (Repository, error) {
	return s.Repositories.ChangeStatus(ctx, key, uid, object.StatusChange[Repository]{
		Mutate: mutate,
		If:     []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(s.headKey(key)), "=", was.Revision)},
	})
}

// still compares that the head is as it was, and that nobody has swept the new chunks away meanwhile, which another
// replica may do as it starts. Of very large sets only the first chunks are compared.
func (s *State) still(key object.Key, swap Swap) []clientv3.Cmp {
	chunks := swap.Write[:min(len(swap.Write), maxOps)]
	compare := make([]clientv3.Cmp, 0, 1+len(chunks))
	compare = append(compare, clientv3.Compare(clientv3.ModRevision(s.headKey(key)), "=", swap.Was.Revision))
	for _, chunk := range chunks {
		compare = append(compare, clientv3.Compare(clientv3.CreateRevision(s.chunkKey(swap.Head.UID, chunk.Ref.ID)), ">", 0))
	}
	return compare
}

func (s *State) writeChunks(ctx context.Context, uid string, chunks []tagset.Chunk) error {
	var ops []clientv3.Op
	size := 0
	flush := func() error {
		if len(ops) == 0 {
			return nil
		}
		_, err := s.client.Txn(ctx).Then(ops...).Commit()
		ops, size = ops[:0], 0
		return store.Wrap("storing chunks of tags", err)
	}
	for _, chunk := range chunks {
		if len(ops) == maxOps || size+len(chunk.Bytes) > maxBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		ops = append(ops, clientv3.OpPut(s.chunkKey(uid, chunk.Ref.ID), string(chunk.Bytes)))
		size += len(chunk.Bytes)
	}
	return flush()
}

// unnamed are the ids that only the first list has.
func unnamed(refs, by []tagset.ChunkRef) []string {
	named := make(map[string]bool, len(by))
	for _, ref := range by {
		named[ref.ID] = true
	}
	var ids []string
	for _, ref := range refs {
		if !named[ref.ID] {
			ids = append(ids, ref.ID)
		}
	}
	return ids
}

func (s *State) deletions(uid string, ids []string) []clientv3.Op {
	ops := make([]clientv3.Op, len(ids), len(ids)+1)
	for i, id := range ids {
		ops[i] = clientv3.OpDelete(s.chunkKey(uid, id))
	}
	return ops
}

// deleteChunks deletes chunks that the stored head does not name, as long as that head stays.
func (s *State) deleteChunks(ctx context.Context, key object.Key, uid string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	set, err := s.Set(ctx, key)
	if err != nil {
		return err
	}
	if set.Of(uid) {
		refs := make([]tagset.ChunkRef, len(ids))
		for i, id := range ids {
			refs[i].ID = id
		}
		ids = unnamed(refs, set.Head.Chunks)
	}
	return s.deleteWhile(ctx, s.headKey(key), set.Revision, uid, ids)
}

// deleteWhile deletes chunks while the key has the revision; then it stops, without an error: who changed the key knows
// better.
func (s *State) deleteWhile(ctx context.Context, key string, revision int64, uid string, ids []string) error {
	for len(ids) > 0 {
		batch := ids[:min(len(ids), maxOps)]
		ids = ids[len(batch):]
		resp, err := s.client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
			Then(s.deletions(uid, batch)...).
			Commit()
		if err != nil {
			return store.Wrap("deleting chunks of tags", err)
		}
		if !resp.Succeeded {
			return nil
		}
	}
	return nil
}

// sweepFailed deletes the chunks that a swap has written in vain.
func (s *State) sweepFailed(ctx context.Context, key object.Key, swap Swap) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	ids := make([]string, len(swap.Write))
	for i, chunk := range swap.Write {
		ids[i] = chunk.Ref.ID
	}
	if err := s.deleteChunks(ctx, key, swap.Head.UID, ids); err != nil {
		return fmt.Errorf("after a swap that failed: %w", err)
	}
	return nil
}
