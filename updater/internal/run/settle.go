// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

// settle ends the records that an earlier run left open: a process that died, a remote that went away during a push, a
// second push that failed. A commit that arrived was pushed; one that did not is forgotten, and its changes are made again.
func (w *work) settle(ctx context.Context) *Error {
	open, err := w.Records.Unfinished(ctx, w.key)
	if err != nil {
		return storeFailure(err)
	}
	for _, earlier := range open {
		if failure := w.settleOne(ctx, proto.CloneOf(earlier)); failure != nil {
			return failure
		}
	}
	return nil
}

func (w *work) settleOne(ctx context.Context, earlier *updaterv1.Run) *Error {
	if earlier.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
		w.due = append(w.due, earlier)
		return nil
	}
	timed, cancel := w.remotely(ctx)
	defer cancel()
	there, err := w.repo.RemoteHas(timed, gitrepo.Ref{Branch: earlier.GetBranch()}, plumbing.NewHash(earlier.GetCommit()))
	if err != nil {
		return w.gitFailure(err)
	}
	if !there {
		w.step("an earlier run was cut off before its push; starting over")
		w.lost = append(w.lost, earlier)
		return nil
	}
	return w.arrived(ctx, earlier)
}

// arrived ends the record of a run that was cut off and whose commit is on the remote.
func (w *work) arrived(ctx context.Context, earlier *updaterv1.Run) *Error {
	earlier.EndTime = timestamppb.Now()
	earlier.Outcome = updaterv1.RunOutcome_RUN_OUTCOME_PUSHED
	earlier.Message = pushedMessage(earlier.GetCommit(), earlier.GetBranch())
	w.step(earlier.GetMessage() + ", in an earlier run that was cut off")
	w.Logger.InfoContext(ctx, "the commit of a run that was cut off is on the remote", "automation", w.key.String(),
		"commit", earlier.GetCommit(), "branch", earlier.GetBranch())
	if w.spec.Second != nil && earlier.GetSecondPush() == nil {
		earlier.SecondPush = &updaterv1.SecondPush{Ref: w.spec.Second.To}
	}
	if earlier.GetSecondPush() != nil {
		w.due = append(w.due, earlier)
	}
	return w.writePushed(ctx, earlier)
}

// settleLost ends the records whose commits had not arrived when this run began. A server may have held such a push meanwhile:
// it has landed before this run's, or can no longer do so once the branch has moved. Where the branch stands still the
// record stays open.
func (w *work) settleLost(ctx context.Context) *Error {
	for _, earlier := range w.lost {
		if earlier.GetCommit() == w.run.GetCommit() { // the very same, made again within a second
			if err := w.Records.Drop(ctx, w.key, earlier.GetId()); err != nil {
				return storeFailure(err)
			}
			continue
		}
		timed, cancel := w.remotely(ctx)
		there, err := w.repo.Contains(timed, gitrepo.Ref{Branch: w.run.GetBranch()}, w.tip, plumbing.NewHash(earlier.GetCommit()))
		cancel()
		switch {
		case err != nil:
			return w.gitFailure(err)
		case there:
			if failure := w.arrived(ctx, earlier); failure != nil {
				return failure
			}
		case w.tip.String() != earlier.GetBase():
			if err := w.Records.Drop(ctx, w.key, earlier.GetId()); err != nil {
				return storeFailure(err)
			}
		}
	}
	return nil
}

// writePushed ends a record, in one transaction with the status.
func (w *work) writePushed(ctx context.Context, ended *updaterv1.Run) *Error {
	writes, err := w.Records.EndOps(ctx, w.key, ended)
	if err != nil {
		return storeFailure(err)
	}
	_, err = w.Automations.UpdateStatus(ctx, w.key, w.automation.GetMetadata().GetUid(), func(a *updaterv1.ImageUpdateAutomation) error {
		if a.Status == nil {
			a.Status = &updaterv1.ImageUpdateAutomationStatus{}
		}
		a.Status.LastPushCommit, a.Status.LastPushTime = ended.GetCommit(), ended.GetEndTime()
		a.Status.LastAutomationRunTime = ended.GetEndTime()
		a.Status.Warnings, a.Status.Held = ended.GetWarnings(), ended.GetHeld()
		return nil
	}, writes...)
	if err != nil {
		return storeFailure(err)
	}
	return nil
}
