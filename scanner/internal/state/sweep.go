// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

const (
	sweepTimeout = 5 * time.Second
	sweepPage    = 10_000
)

// Sweep deletes the chunks that no head names, and says how many there were: a process died between writing them and
// swapping the head, or while its object was deleted. Repositories must be running. Other replicas may work meanwhile: the
// chunks are listed before the objects are, and each deletion depends on the head's staying as it was seen. Errors:
// store.ErrUnavailable, the context's.
func (s *State) Sweep(ctx context.Context) (int, error) {
	stored, err := s.storedChunks(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.Repositories.Sync(ctx); err != nil {
		return 0, err
	}
	keys := map[string]object.Key{}
	for _, repository := range s.Repositories.All() {
		keys[repository.GetMetadata().GetUid()] = object.KeyOfMeta(repository.GetMetadata())
	}
	swept := 0
	for uid, ids := range stored {
		key, owned := keys[uid]
		if !owned {
			swept += len(ids)
			if err := s.Forget(ctx, uid); err != nil {
				return swept, err
			}
			continue
		}
		n, err := s.sweepSet(ctx, key, uid, ids)
		if swept += n; err != nil {
			return swept, err
		}
	}
	return swept, nil
}

// sweepSet deletes the chunks of one object that its head does not name.
func (s *State) sweepSet(ctx context.Context, key object.Key, uid string, ids []string) (int, error) {
	set, err := s.Set(ctx, key)
	if errors.Is(err, tagset.ErrCorrupt) {
		return 0, nil // its next scan starts afresh and says so
	}
	if err != nil {
		return 0, err
	}
	if set.Of(uid) {
		refs := make([]tagset.ChunkRef, len(ids))
		for i, id := range ids {
			refs[i].ID = id
		}
		ids = unnamed(refs, set.Head.Chunks)
	}
	if err := s.deleteWhile(ctx, s.headKey(key), set.Revision, uid, ids); err != nil {
		return 0, fmt.Errorf("sweeping the tags of %s: %w", key, err)
	}
	return len(ids), nil
}

// storedChunks lists the ids of all chunks by uid, as they are at one revision.
func (s *State) storedChunks(ctx context.Context) (map[string][]string, error) {
	stored := map[string][]string{}
	from, end, at := s.chunks, clientv3.GetPrefixRangeEnd(s.chunks), int64(0)
	for more := true; more; {
		resp, err := s.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithKeysOnly(),
			clientv3.WithLimit(sweepPage), clientv3.WithRev(at))
		if err != nil {
			return nil, store.Wrap("listing the chunks of all tags", err)
		}
		for _, kv := range resp.Kvs {
			uid, id, _ := strings.Cut(strings.TrimPrefix(string(kv.GetKey()), s.chunks), "/")
			stored[uid] = append(stored[uid], id)
			from = string(kv.GetKey()) + "\x00"
		}
		if more = resp.More; at == 0 {
			at = resp.Header.GetRevision()
		}
	}
	return stored, nil
}
