// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
)

// finish writes the end of the run into its record and the status, in one transaction. It returns the failure that the
// run ended with, which is its own if the store fails.
func (w *work) finish(ctx context.Context, failure *Error) *Error {
	if failure != nil && (failure.Kind == CutOff || failure.Kind == Gone) {
		w.end(failure)
		return failure
	}
	if failure == nil {
		failure = w.unsure
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	w.end(failure)
	if err := w.writeSettled(ctx); err != nil {
		return storeFailure(err)
	}
	also, err := w.recordOps(ctx, failure)
	if err != nil {
		return storeFailure(err)
	}
	before := w.automation.GetStatus()
	after, err := w.Automations.UpdateStatus(ctx, w.key, w.automation.GetMetadata().GetUid(), func(a *updaterv1.ImageUpdateAutomation) error {
		return w.status(a, failure)
	}, also...)
	if errors.Is(err, object.ErrNotFound) && w.recorded {
		err = errors.Join(err, w.Records.Drop(ctx, w.key, w.run.GetId()))
	}
	if err != nil {
		return storeFailure(err)
	}
	w.log(ctx, before, after.GetStatus(), failure)
	if err := w.Records.Prune(ctx, w.key); err != nil {
		w.Logger.WarnContext(ctx, "old runs could not be dropped", "automation", w.key.String(), "error", err)
	}
	return failure
}

// end closes the run itself. A run that came to its end and has a failure all the same keeps its outcome.
func (w *work) end(failure *Error) {
	w.run.EndTime = timestamppb.Now()
	if failure == nil || w.done {
		return
	}
	w.run.Outcome, w.run.Message = updaterv1.RunOutcome_RUN_OUTCOME_FAILED, failure.Sentence
	if !failure.open {
		w.run.Commit, w.run.CommitMessage = "", ""
	}
}

// recordOps ends the record. One that nobody knows the end of stays open.
func (w *work) recordOps(ctx context.Context, failure *Error) ([]clientv3.Op, error) {
	if failure != nil && failure.open {
		return nil, nil
	}
	return w.Records.EndOps(ctx, w.key, w.run)
}

// writeSettled writes the records of earlier runs about whose second push there is something new, each in its own
// transaction, for a record may be as large as one.
func (w *work) writeSettled(ctx context.Context) error {
	for _, run := range w.settled {
		ops, err := w.Records.EndOps(ctx, w.key, run)
		if err != nil {
			return err
		}
		same := func(*updaterv1.ImageUpdateAutomation) error { return nil }
		if _, err := w.Automations.UpdateStatus(ctx, w.key, w.automation.GetMetadata().GetUid(), same, ops...); err != nil {
			return err
		}
	}
	return nil
}

// status writes what the run came to.
func (w *work) status(a *updaterv1.ImageUpdateAutomation, failure *Error) error {
	if a.Status == nil {
		a.Status = &updaterv1.ImageUpdateAutomationStatus{}
	}
	s := a.Status
	before := proto.CloneOf(s)
	now := w.run.GetEndTime().AsTime()
	generation := w.automation.GetMetadata().GetGeneration()
	s.ObservedGeneration = generation
	conditions.ClearReconciling(&s.Conditions)
	if w.done {
		s.ObservedPolicies, s.ObservedSourceRevision = observed(w.selected), w.revision
		s.Warnings, s.Held = w.run.GetWarnings(), w.run.GetHeld()
	}
	switch {
	case failure == nil:
		conditions.MarkReady(&s.Conditions, generation, reasonSucceeded, w.message(before), now)
	case failure.Kind == Invalid:
		conditions.MarkStalled(&s.Conditions, generation, failure.Reason, failure.Sentence, now)
	default:
		conditions.MarkNotReady(&s.Conditions, generation, failure.Reason, failure.Sentence, now)
	}
	if w.run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
		s.LastPushCommit, s.LastPushTime = w.run.GetCommit(), w.run.GetEndTime()
	}
	s.LastAutomationRunTime = w.run.GetEndTime()
	return nil
}

// message is the sentence of a run that succeeded. A run that nobody asked for, and that finds the last push at the tip of
// the branch, leaves the word of that push standing: it is what people look for, and nothing has happened since. A run on
// the interval or on request says that the repository is up-to-date.
func (w *work) message(before *updaterv1.ImageUpdateAutomationStatus) string {
	trigger := w.run.GetTrigger()
	asked := trigger == updaterv1.RunTrigger_RUN_TRIGGER_INTERVAL || trigger == updaterv1.RunTrigger_RUN_TRIGGER_REQUEST
	said := conditions.Ready(before).GetMessage()
	last := before.GetLastPushCommit()
	if w.run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE && !asked && last != "" &&
		strings.HasSuffix(w.revision, ":"+last) && said == pushedMessage(last, w.run.GetBranch()) {
		return said
	}
	return w.run.GetMessage()
}

// pushedMessage is what a run says that pushed.
func pushedMessage(commit, branch string) string {
	return fmt.Sprintf("pushed commit '%.7s' to branch '%s'", commit, branch)
}

// log tells of what is new: a failure that was not there before, warnings that were not.
func (w *work) log(ctx context.Context, before, after *updaterv1.ImageUpdateAutomationStatus, failure *Error) {
	logger := w.Logger.With("automation", w.key.String())
	if failure != nil && conditions.Ready(before).GetMessage() != conditions.Ready(after).GetMessage() {
		logger.WarnContext(ctx, "the automation failed", "reason", failure.Reason, "error", failure.Sentence)
	}
	for _, warning := range after.GetWarnings() {
		if !slices.Contains(before.GetWarnings(), warning) {
			logger.WarnContext(ctx, "something was left alone", "warning", warning)
		}
	}
}

// tellIfSlow makes the statuses say that the runs are under way, if they take long. The returned function ends that.
func (r *Runner) tellIfSlow(ctx context.Context, works []*work) (stop func()) {
	told := make(chan struct{})
	timer := time.AfterFunc(slowAfter, func() {
		defer close(told)
		for _, w := range works {
			if w.run != nil {
				w.tellUnderWay(ctx)
			}
		}
	})
	return func() {
		if !timer.Stop() {
			<-told
		}
	}
}

func (w *work) tellUnderWay(ctx context.Context) {
	_, err := w.Automations.UpdateStatus(ctx, w.key, w.automation.GetMetadata().GetUid(), func(a *updaterv1.ImageUpdateAutomation) error {
		if a.Status == nil {
			a.Status = &updaterv1.ImageUpdateAutomationStatus{}
		}
		conditions.MarkReconciling(&a.Status.Conditions, a.GetMetadata().GetGeneration(), reasonProgress,
			"a run is under way", time.Now())
		return nil
	})
	if err != nil && ctx.Err() == nil && !errors.Is(err, object.ErrNotFound) {
		w.Logger.WarnContext(ctx, "a slow run could not be told of", "automation", w.key.String(), "error", err)
	}
}
