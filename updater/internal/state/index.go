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

// entry is a record as the index has it.
type entry struct {
	id string
	// head is the run without what makes it large; see headOf.
	head *updaterv1.Run
	// revision is when the record was last written.
	revision int64
}

// headOf is what records are found by: how the run ended, whether it is open, which commit it made where, and, as one empty
// HeldValue, whether it held a downgrade.
func headOf(run *updaterv1.Run) *updaterv1.Run {
	head := &updaterv1.Run{
		Outcome: run.GetOutcome(), EndTime: run.GetEndTime(), Branch: run.GetBranch(), Commit: run.GetCommit(),
	}
	if second := run.GetSecondPush(); second != nil {
		head.SecondPush = &updaterv1.SecondPush{Time: second.GetTime()}
	}
	for _, held := range run.GetHeld() {
		if held.GetReason() == updaterv1.HoldReason_HOLD_REASON_DOWNGRADE {
			head.Held = []*updaterv1.HeldValue{{}}
			break
		}
	}
	return head
}

// isOpen says whether something of the run is still to be found out or done.
func isOpen(run *updaterv1.Run) bool {
	if run.GetEndTime() == nil {
		return true
	}
	pushed := run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_PUSHED
	return pushed && run.GetSecondPush() != nil && run.GetSecondPush().GetTime() == nil
}

// hasCommit says whether the run's commit is on the remote, or may be.
func hasCommit(run *updaterv1.Run) bool {
	return run.GetCommit() != "" && run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_FAILED &&
		run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE
}

// index reads the heads of an automation's records, the oldest first.
func (r *Runs) index(ctx context.Context, key object.Key) ([]entry, error) {
	if err := r.adopt(ctx); err != nil {
		return nil, err
	}
	prefix := r.head(key, "")
	resp, err := r.client.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, store.Wrap("reading the runs of "+key.String(), err)
	}
	entries := make([]entry, 0, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		head := &updaterv1.Run{}
		if err := proto.Unmarshal(kv.GetValue(), head); err != nil {
			return nil, fmt.Errorf("decoding the head %s: %w", kv.GetKey(), err)
		}
		entries = append(entries, entry{strings.TrimPrefix(string(kv.GetKey()), prefix), head, kv.GetModRevision()})
	}
	return entries, nil
}

// Commits returns the commits of an automation's records that were pushed to the branch, or may have been, the newest first.
// It reads no record. Errors: store.ErrUnavailable.
func (r *Runs) Commits(ctx context.Context, automation object.Key, branch string) ([]string, error) {
	entries, err := r.index(ctx, automation)
	if err != nil {
		return nil, err
	}
	var commits []string
	for _, e := range slices.Backward(entries) {
		if hasCommit(e.head) && e.head.GetBranch() == branch {
			commits = append(commits, e.head.GetCommit())
		}
	}
	return commits, nil
}

// read returns the records with these ids, in their order; one that is gone by now is left out.
func (r *Runs) read(ctx context.Context, key object.Key, ids []string) ([]*updaterv1.Run, error) {
	runs := make([]*updaterv1.Run, 0, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), readAtOnce)
		gets := make([]clientv3.Op, n)
		for i, id := range ids[:n] {
			gets[i] = clientv3.OpGet(r.record(key, id))
		}
		ids = ids[n:]
		resp, err := r.client.Txn(ctx).Then(gets...).Commit()
		if err != nil {
			return nil, store.Wrap("reading the runs of "+key.String(), err)
		}
		for _, got := range resp.Responses {
			for _, kv := range got.GetResponseRange().GetKvs() {
				run := &updaterv1.Run{}
				if err := proto.Unmarshal(kv.GetValue(), run); err != nil {
					return nil, fmt.Errorf("decoding the run %s: %w", kv.GetKey(), err)
				}
				runs = append(runs, run)
			}
		}
	}
	return runs, nil
}
