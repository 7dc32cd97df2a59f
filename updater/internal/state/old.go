// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// Put writes the record, in place of an earlier one of the same id. Errors: object.ErrNotFound where the automation is
// deleted, store.ErrUnavailable.
func (r *Runs) Put(ctx context.Context, automation object.Key, run *updaterv1.Run) error {
	return r.Begin(ctx, []Record{{automation, run}})
}

// PutOp is Put as a part of somebody's transaction.
func (r *Runs) PutOp(automation object.Key, run *updaterv1.Run) (clientv3.Op, error) {
	ops, _, err := r.putOps(automation, run)
	return clientv3.OpTxn(nil, ops, nil), err
}

// DropAllOp removes all records of an automation, as a part of somebody's transaction.
func (r *Runs) DropAllOp(automation object.Key) clientv3.Op {
	return clientv3.OpTxn(nil, r.DropAllOps(automation), nil)
}

// List returns the records of an automation, the oldest first.
func (r *Runs) List(ctx context.Context, automation object.Key) ([]*updaterv1.Run, error) {
	runs, err := r.Newest(ctx, automation)
	slices.Reverse(runs)
	return runs, err
}
