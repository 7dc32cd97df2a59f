// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"slices"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
)

// stored is an object as etcd has it, with what a transaction compares.
type stored[T Message] struct {
	object T
	exists bool
	// created and revision are the spec key's, status and override the other keys' mod revisions; zero: no such key.
	created, revision, status, override int64
}

// read gets an object's keys at one revision, linearizably.
func (s *Store[T]) read(ctx context.Context, key Key) (stored[T], error) {
	if !key.storable() {
		return stored[T]{}, nil
	}
	resp, err := s.client.Txn(ctx).Then(s.readOps(key)...).Commit()
	if err != nil {
		return stored[T]{}, store.Wrap("reading "+s.kind.Noun+" "+key.String(), err)
	}
	return s.stored(resp.Responses)
}

func (s *Store[T]) readOps(key Key) []clientv3.Op {
	return []clientv3.Op{
		clientv3.OpGet(s.Key(specPart, key)), clientv3.OpGet(s.Key(statusPart, key)), clientv3.OpGet(s.Key(overridePart, key)),
	}
}

func (s *Store[T]) stored(responses []*etcdserverpb.ResponseOp) (stored[T], error) {
	var values [3][]byte
	var revisions [3]int64
	var found stored[T]
	for i, resp := range responses[:3] {
		for _, kv := range resp.GetResponseRange().GetKvs() {
			values[i], revisions[i] = kv.GetValue(), kv.GetModRevision()
			if i == 0 {
				found.created = kv.GetCreateRevision()
			}
		}
	}
	found.revision, found.status, found.override = revisions[0], revisions[1], revisions[2]
	if found.exists = found.revision != 0; !found.exists {
		return found, nil
	}
	var err error
	found.object, err = s.codec.compose(values[0], found.revision, values[1], values[2])
	return found, err
}

// Get reads the object from the store, not from the cache: what was written before is seen. The caller may change what
// it gets. Errors: ErrNotFound, store.ErrUnavailable.
func (s *Store[T]) Get(ctx context.Context, key Key) (T, error) {
	found, err := s.read(ctx, key)
	if err == nil && !found.exists {
		err = s.notFound(key)
	}
	return found.object, err
}

// Cached returns the object as the cache has it, a moment late at most. It is shared: Clone it before changing it.
func (s *Store[T]) Cached(key Key) (T, bool) {
	e, ok := s.cache.Get(key)
	if !ok {
		var none T
		return none, false
	}
	return e.object, true
}

// Attachment returns an attachment of an object as the cache has it; see WithAttachment.
func (s *Store[T]) Attachment(segment string, key Key) (Attachment, bool) {
	e, ok := s.cache.Get(key)
	if !ok {
		return Attachment{}, false
	}
	attachment, ok := e.attachments[segment]
	return attachment, ok
}

// All returns the objects as the cache has them, ordered by key. They are shared: Clone one before changing it.
func (s *Store[T]) All() []T {
	items, _ := s.cache.Snapshot()
	slices.SortFunc(items, func(a, b item[T]) int { return a.ID.Compare(b.ID) })
	objects := make([]T, 0, len(items))
	for _, item := range items {
		objects = append(objects, item.Value.object)
	}
	return objects
}

// Sync waits until the cache holds all that the store holds now. Errors: store.ErrUnavailable, the context's.
func (s *Store[T]) Sync(ctx context.Context) error {
	revision, err := s.storeRevision(ctx)
	if err != nil {
		return err
	}
	return s.cache.WaitFor(ctx, revision)
}

func (s *Store[T]) storeRevision(ctx context.Context) (int64, error) {
	resp, err := s.client.Get(ctx, s.prefix, clientv3.WithCountOnly())
	if err != nil {
		return 0, store.Wrap("asking for the store's revision", err)
	}
	return resp.Header.GetRevision(), nil
}
