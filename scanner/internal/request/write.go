// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
)

const (
	// perWrite is how many requests one transaction writes: etcd's own bound is 128.
	perWrite     = 100
	writeTimeout = 5 * time.Second
)

// batch are requests that are written together.
type batch struct {
	wanted map[object.Key]wanted
	done   chan struct{}
	// err is set before done is closed.
	err error
}

func newBatch() *batch {
	return &batch{wanted: map[object.Key]wanted{}, done: make(chan struct{})}
}

// add asks in the name of the first one.
func (b *batch) add(key object.Key, w wanted) {
	if _, ok := b.wanted[key]; !ok {
		b.wanted[key] = w
	}
}

func (b *batch) fail(err error) {
	b.err = err
	close(b.done)
}

// write writes batches until the context ends. While one is being written the next gathers.
func (r *Requests) write(ctx context.Context) error {
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return nil
		}
		r.mu.Lock()
		b := r.next
		r.next = newBatch()
		var keys []object.Key
		for key := range b.wanted {
			// One that was written while this batch gathered, and whose scan has not begun, serves for this one too.
			if !r.entry(key).waits() || !r.owner.Owns(key.String()) {
				keys = append(keys, key)
			}
		}
		r.mu.Unlock()
		b.err = r.writeAll(ctx, b, keys)
		close(b.done)
	}
}

func (r *Requests) writeAll(ctx context.Context, b *batch, keys []object.Key) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	for len(keys) > 0 {
		n := min(len(keys), perWrite)
		if err := r.writeSome(ctx, b, keys[:n]); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

func (r *Requests) writeSome(ctx context.Context, b *batch, keys []object.Key) error {
	ops, requests := make([]clientv3.Op, len(keys)), make([]wanted, len(keys))
	for i, key := range keys {
		requests[i] = b.wanted[key]
		value, err := json.Marshal(requests[i])
		if err != nil {
			return fmt.Errorf("writing a request down: %w", err)
		}
		ops[i] = clientv3.OpPut(r.key(key), string(value))
	}
	resp, err := r.client.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return store.Wrap("writing requests down", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, key := range keys {
		requests[i].revision = resp.Header.GetRevision()
		r.entry(key).written(requests[i], time.Now(), r.timing)
	}
	return nil
}

func (r *Requests) key(key object.Key) string { return r.prefix + key.String() }

// remove takes back the request that a scan has served, unless a later one has taken its place.
func (r *Requests) remove(ctx context.Context, key object.Key, served wanted) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	_, err := r.client.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(r.key(key)), "<", served.revision+1)).
		Then(clientv3.OpDelete(r.key(key))).
		Commit()
	return store.Wrap("removing the request of "+key.String(), err)
}
