// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/store"
)

const (
	formatNow = "2"
	// adoptPage is how many records of format 1 are read at once; one may be a megabyte.
	adoptPage = 16
)

// adopt makes heads and marks of records of format 1, once per store. Several replicas may do it at once.
func (r *Runs) adopt(ctx context.Context) error {
	r.adopting.Lock()
	defer r.adopting.Unlock()
	if r.adopted {
		return nil
	}
	resp, err := r.client.Get(ctx, r.format())
	if err != nil {
		return store.Wrap("reading the format of the runs", err)
	}
	if len(resp.Kvs) == 1 && string(resp.Kvs[0].GetValue()) == formatNow {
		r.adopted = true
		return nil
	}
	prefix := r.prefix + "/runs/"
	for from, end := prefix, clientv3.GetPrefixRangeEnd(prefix); ; {
		resp, err := r.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(adoptPage))
		if err != nil {
			return store.Wrap("reading the runs of an earlier version", err)
		}
		for _, kv := range resp.Kvs {
			if err := r.adoptOne(ctx, string(kv.GetKey()), kv.GetValue(), kv.GetModRevision()); err != nil {
				return err
			}
		}
		if !resp.More {
			break
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].GetKey()) + "\x00"
	}
	if _, err := r.client.Put(ctx, r.format(), formatNow); err != nil {
		return store.Wrap("storing the format of the runs", err)
	}
	r.adopted = true
	return nil
}

// adoptOne writes the head and the mark of one record, unless somebody has written it since.
func (r *Runs) adoptOne(ctx context.Context, path string, value []byte, revision int64) error {
	run := &updaterv1.Run{}
	key, id, ok := split(path[len(r.prefix)+len("/runs/"):])
	if !ok {
		return nil // not ours
	}
	if err := proto.Unmarshal(value, run); err != nil {
		return fmt.Errorf("decoding the run %s: %w", path, err)
	}
	head, err := proto.Marshal(headOf(run))
	if err != nil {
		return fmt.Errorf("encoding a run of %s: %w", key, err)
	}
	ops := []clientv3.Op{clientv3.OpPut(r.head(key, id), string(head))}
	if isOpen(run) {
		ops = append(ops, clientv3.OpPut(r.mark(key, id), ""))
	}
	_, err = r.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(path), "=", revision)).Then(ops...).Commit()
	return store.Wrap("adopting a run of "+key.String(), err)
}
