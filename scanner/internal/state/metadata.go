// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
)

const (
	// metadataFor is how long metadata is kept that nobody asks for, give or take metadataNoted.
	metadataFor = 30 * 24 * time.Hour
	// metadataNoted is how exactly it is noted when it was asked for last.
	metadataNoted = 7 * 24 * time.Hour
	// maxMetadata bounds the digests of one object; further ones are not kept.
	maxMetadata = 50_000
)

func (s *State) metadataPrefix(uid string) string { return s.metadata + uid + "/" }

// Metadata returns what is kept about a digest of an object's; nil: nothing is. Errors: store.ErrUnavailable.
func (s *State) Metadata(ctx context.Context, uid, digest string) ([]byte, error) {
	key := s.metadataPrefix(uid) + digest
	resp, err := s.client.Get(ctx, key)
	if err != nil {
		return nil, store.Wrap("reading metadata", err)
	}
	if len(resp.Kvs) == 0 {
		return nil, nil
	}
	kv := resp.Kvs[0]
	used, kept, ok := dated(kv.GetValue())
	if !ok {
		return nil, nil
	}
	if now := time.Now(); now.Sub(used) > metadataNoted {
		_, err = s.client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(key), "=", kv.GetModRevision())).
			Then(clientv3.OpPut(key, string(date(kept, now)))).
			Commit()
	}
	return kept, store.Wrap("noting that metadata is in use", err)
}

// PutMetadata keeps what is known about a digest, unless the object has too much of that already. Errors:
// store.ErrUnavailable.
func (s *State) PutMetadata(ctx context.Context, uid, digest string, facts []byte) error {
	count, err := s.client.Get(ctx, s.metadataPrefix(uid), clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return store.Wrap("counting metadata", err)
	}
	if count.Count >= maxMetadata {
		return nil
	}
	_, err = s.client.Put(ctx, s.metadataPrefix(uid)+digest, string(date(facts, time.Now())))
	return store.Wrap("keeping metadata", err)
}

// date puts the day before what is kept: days since 1970, uvarint.
func date(kept []byte, used time.Time) []byte {
	day := uint64(max(0, used.Unix()/int64((24*time.Hour)/time.Second)))
	return append(binary.AppendUvarint(nil, day), kept...)
}

func dated(stored []byte) (used time.Time, kept []byte, ok bool) {
	day, size := binary.Uvarint(stored)
	if size <= 0 || day > 1<<20 {
		return time.Time{}, nil, false
	}
	return time.Unix(int64(day)*int64((24*time.Hour)/time.Second), 0), stored[size:], true
}

// SweepMetadata deletes the metadata that was not asked for in 30 days, and what objects have left that are no more, and
// says how much it was. Repositories must be running. Other replicas may do the same. Errors: store.ErrUnavailable, the
// context's.
func (s *State) SweepMetadata(ctx context.Context, now time.Time) (int, error) {
	return s.sweepEach(ctx, s.metadata, func(value []byte) bool {
		used, _, ok := dated(value)
		return !ok || now.Sub(used) > metadataFor
	})
}

// sweepEach deletes the keys below a prefix, `<uid>/<rest>`, whose object is no more, or whose value is over.
func (s *State) sweepEach(ctx context.Context, prefix string, over func(value []byte) bool) (int, error) {
	const page = 500
	swept := 0
	from, end := prefix, clientv3.GetPrefixRangeEnd(prefix)
	for more := true; more; {
		resp, err := s.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(page))
		if err != nil {
			return swept, store.Wrap("listing "+prefix, err)
		}
		if err := s.Repositories.Sync(ctx); err != nil { // the objects are listed after what belongs to them
			return swept, fmt.Errorf("sweeping %s: %w", prefix, err)
		}
		uids := map[string]bool{}
		for _, repository := range s.Repositories.All() {
			uids[repository.GetMetadata().GetUid()] = true
		}
		for _, kv := range resp.Kvs {
			from = string(kv.GetKey()) + "\x00"
			if uids[uidOf(string(kv.GetKey()), prefix)] && !over(kv.GetValue()) {
				continue
			}
			gone, err := s.client.Txn(ctx).
				If(clientv3.Compare(clientv3.ModRevision(string(kv.GetKey())), "=", kv.GetModRevision())).
				Then(clientv3.OpDelete(string(kv.GetKey()))).
				Commit()
			if err != nil {
				return swept, store.Wrap("sweeping "+prefix, err)
			}
			if gone.Succeeded {
				swept++
			}
		}
		more = resp.More
	}
	return swept, nil
}
