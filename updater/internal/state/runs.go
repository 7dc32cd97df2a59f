// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"fmt"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
)

// keptRuns is how many runs of an automation are kept.
const keptRuns = 50

// runsPage is how many runs are read at once; one is some kilobytes.
const runsPage = 500

// Runs are the records of the runs that made a commit. It is safe for concurrent use.
type Runs struct {
	client      *clientv3.Client
	automations *Automations
	prefix      string
}

// NewRuns makes the records in the program's store. A record is only written while its automation is there.
func NewRuns(st *store.Store, automations *Automations) *Runs {
	return &Runs{client: st.Client(), automations: automations, prefix: st.Scoped(Service).Prefix() + "/runs/"}
}

func (r *Runs) of(automation object.Key) string { return r.prefix + automation.String() + "/" }

// Put writes the record, in place of an earlier one of the same id. Errors: object.ErrNotFound where the automation is
// deleted, store.ErrUnavailable.
func (r *Runs) Put(ctx context.Context, automation object.Key, run *updaterv1.Run) error {
	write, err := r.PutOp(automation, run)
	if err != nil {
		return err
	}
	there := clientv3.Compare(clientv3.CreateRevision(r.automations.Key("spec", automation)), ">", 0)
	resp, err := r.client.Txn(ctx).If(there).Then(write).Commit()
	if err != nil {
		return store.Wrap("recording a run of "+automation.String(), err)
	}
	if !resp.Succeeded {
		return fmt.Errorf("recording a run of ImageUpdateAutomation %s: %w", automation, object.ErrNotFound)
	}
	return nil
}

// PutOp is Put as a part of somebody's transaction.
func (r *Runs) PutOp(automation object.Key, run *updaterv1.Run) (clientv3.Op, error) {
	value, err := proto.Marshal(run)
	if err != nil {
		return clientv3.Op{}, fmt.Errorf("encoding a run of %s: %w", automation, err)
	}
	return clientv3.OpPut(r.of(automation)+run.GetId(), string(value)), nil
}

// Drop removes a record: its commit is nowhere. One that is not there is no error.
func (r *Runs) Drop(ctx context.Context, automation object.Key, id string) error {
	_, err := r.client.Delete(ctx, r.of(automation)+id)
	return store.Wrap("dropping a run of "+automation.String(), err)
}

// DropAllOp removes all records of an automation, as a part of somebody's transaction.
func (r *Runs) DropAllOp(automation object.Key) clientv3.Op {
	return clientv3.OpDelete(r.of(automation), clientv3.WithPrefix())
}

// List returns the records of an automation, the oldest first.
func (r *Runs) List(ctx context.Context, automation object.Key) ([]*updaterv1.Run, error) {
	resp, err := r.client.Get(ctx, r.of(automation), clientv3.WithPrefix())
	if err != nil {
		return nil, store.Wrap("reading the runs of "+automation.String(), err)
	}
	runs := make([]*updaterv1.Run, 0, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		run := &updaterv1.Run{}
		if err := proto.Unmarshal(kv.GetValue(), run); err != nil {
			return nil, fmt.Errorf("decoding the run %s: %w", kv.GetKey(), err)
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// Unfinished returns the records of an automation that have no end, the oldest first.
func (r *Runs) Unfinished(ctx context.Context, automation object.Key) ([]*updaterv1.Run, error) {
	runs, err := r.List(ctx, automation)
	return slices.DeleteFunc(runs, func(run *updaterv1.Run) bool { return run.GetEndTime() != nil }), err
}

// WithUnfinished returns the automations that have records without an end. It reads all records, page by page.
func (r *Runs) WithUnfinished(ctx context.Context) (map[object.Key]bool, error) {
	found := map[object.Key]bool{}
	for from, end := r.prefix, clientv3.GetPrefixRangeEnd(r.prefix); ; {
		resp, err := r.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(runsPage))
		if err != nil {
			return nil, store.Wrap("looking for unfinished runs", err)
		}
		for _, kv := range resp.Kvs {
			run := &updaterv1.Run{}
			parts := strings.Split(strings.TrimPrefix(string(kv.GetKey()), r.prefix), "/")
			if err := proto.Unmarshal(kv.GetValue(), run); err != nil || len(parts) != 3 || run.GetEndTime() != nil {
				continue // one that cannot be read is told of by List
			}
			found[object.Key{Namespace: parts[0], Name: parts[1]}] = true
		}
		if !resp.More {
			return found, nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].GetKey()) + "\x00"
	}
}

// Prune drops the oldest finished records of an automation until it has no more than are kept.
func (r *Runs) Prune(ctx context.Context, automation object.Key) error {
	keys, err := r.client.Get(ctx, r.of(automation), clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return store.Wrap("counting the runs of "+automation.String(), err)
	}
	if keys.Count <= keptRuns {
		return nil
	}
	runs, err := r.List(ctx, automation)
	if err != nil {
		return err
	}
	for _, run := range runs[:max(0, len(runs)-keptRuns)] {
		if run.GetEndTime() == nil {
			continue
		}
		if err := r.Drop(ctx, automation, run.GetId()); err != nil {
			return err
		}
	}
	return nil
}
