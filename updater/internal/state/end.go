// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
)

// keptRuns is how many runs of an automation are kept: so many with a commit, and so many without.
const keptRuns = 50

// EndOps returns what writes the finished run, as a part of somebody's transaction. A run without a commit that says the
// same as the last record takes that one's place, and counts it. The run itself is not changed. Two calls for one automation
// must not overlap. Errors: store.ErrUnavailable.
func (r *Runs) EndOps(ctx context.Context, automation object.Key, run *updaterv1.Run) ([]clientv3.Op, error) {
	var folded []clientv3.Op
	if !hasCommit(run) && run.GetEndTime() != nil {
		last, err := r.lastBefore(ctx, automation, run.GetId())
		if err != nil {
			return nil, err
		}
		if last != nil && saysSame(last, run) {
			run = counting(run, last)
			folded = r.dropOps(automation, last.GetId())
		}
	}
	ops, _, err := r.putOps(automation, run)
	return append(ops, folded...), err
}

// lastBefore returns the newest record that is not the run's own; nil where there is none, or where it is of a commit or open.
func (r *Runs) lastBefore(ctx context.Context, key object.Key, id string) (*updaterv1.Run, error) {
	entries, err := r.index(ctx, key)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e entry) bool { return e.id == id })
	if len(entries) == 0 {
		return nil, nil
	}
	last := entries[len(entries)-1]
	if hasCommit(last.head) || isOpen(last.head) || last.id > id {
		return nil, nil
	}
	runs, err := r.read(ctx, key, []string{last.id})
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	return runs[0], nil
}

// saysSame says whether a run tells nothing that the one before it has not told.
func saysSame(a, b *updaterv1.Run) bool {
	return a.GetOutcome() == b.GetOutcome() && a.GetMessage() == b.GetMessage() && a.GetTrigger() == b.GetTrigger() &&
		a.GetBase() == b.GetBase() && a.GetBranch() == b.GetBranch() && a.GetUrl() == b.GetUrl() &&
		slices.Equal(a.GetWarnings(), b.GetWarnings()) &&
		slices.EqualFunc(a.GetHeld(), b.GetHeld(), func(x, y *updaterv1.HeldValue) bool { return proto.Equal(x, y) })
}

// counting is the run with the one that it takes the place of.
func counting(run, last *updaterv1.Run) *updaterv1.Run {
	run = proto.CloneOf(run)
	run.Repetitions = last.GetRepetitions() + 1
	if run.FirstStartTime = last.GetFirstStartTime(); run.GetFirstStartTime() == nil {
		run.FirstStartTime = last.GetStartTime()
	}
	return run
}

// Prune drops the oldest finished records of an automation: 50 with a commit stay, and 50 without. It reads no record.
func (r *Runs) Prune(ctx context.Context, automation object.Key) error {
	entries, err := r.index(ctx, automation)
	if err != nil {
		return err
	}
	var ops []clientv3.Op
	with, without := 0, 0
	for _, e := range slices.Backward(entries) {
		seen := &without
		if hasCommit(e.head) {
			seen = &with
		}
		if *seen++; *seen > keptRuns && !isOpen(e.head) {
			ops = append(ops, r.dropOps(automation, e.id)...)
		}
	}
	for part := range slices.Chunk(ops, maxTxnOps) {
		if _, err := r.client.Txn(ctx).Then(part...).Commit(); err != nil {
			return store.Wrap("dropping old runs of "+automation.String(), err)
		}
	}
	return nil
}
