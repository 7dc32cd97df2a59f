// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
)

// marksPage is how many marks are read at once.
const marksPage = 1000

// Unfinished returns the open records of an automation, the oldest first: those without an end, and those whose second push
// has not succeeded. It is one small read where there are none.
func (r *Runs) Unfinished(ctx context.Context, automation object.Key) ([]*updaterv1.Run, error) {
	if err := r.adopt(ctx); err != nil {
		return nil, err
	}
	prefix := r.mark(automation, "")
	resp, err := r.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		return nil, store.Wrap("looking for unfinished runs of "+automation.String(), err)
	}
	ids := make([]string, len(resp.Kvs))
	for i, kv := range resp.Kvs {
		ids[i] = strings.TrimPrefix(string(kv.GetKey()), prefix)
	}
	return r.read(ctx, automation, ids)
}

// WithUnfinished returns the automations that have open records. It is one small read where there are none.
func (r *Runs) WithUnfinished(ctx context.Context) (map[object.Key]bool, error) {
	if err := r.adopt(ctx); err != nil {
		return nil, err
	}
	found := map[object.Key]bool{}
	prefix := r.prefix + "/runs-open/"
	for from, end := prefix, clientv3.GetPrefixRangeEnd(prefix); ; {
		resp, err := r.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(marksPage), clientv3.WithKeysOnly())
		if err != nil {
			return nil, store.Wrap("looking for unfinished runs", err)
		}
		for _, kv := range resp.Kvs {
			if key, _, ok := split(strings.TrimPrefix(string(kv.GetKey()), prefix)); ok {
				found[key] = true
			}
		}
		if !resp.More {
			return found, nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].GetKey()) + "\x00"
	}
}

// split takes <namespace>/<name>/<run id> apart.
func split(path string) (key object.Key, id string, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) != 3 {
		return key, "", false
	}
	return object.Key{Namespace: parts[0], Name: parts[1]}, parts[2], true
}
