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

// runTimeEvery is how often a status is written though nothing but the time of the run has changed.
const runTimeEvery = time.Minute

// finish writes the end of the run into its record and the status, in one transaction. It returns the failure that the
// run ended with, which is its own if the store fails.
func (w *work) finish(ctx context.Context, failure *Error) *Error {
	if failure != nil && (failure.Kind == CutOff || failure.Kind == Gone) {
		w.end(failure)
		return failure
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	w.end(failure)
	also, err := w.recordOps(ctx, failure)
	if err != nil {
		return storeFailure(err)
	}
	before := w.automation.GetStatus()
	after, err := w.Automations.UpdateStatus(ctx, w.key, w.automation.GetMetadata().GetUid(), func(a *updaterv1.ImageUpdateAutomation) error {
		return w.status(a, failure, len(also) > 0)
	}, also...)
	if errors.Is(err, object.ErrNotFound) && w.recorded {
		err = errors.Join(err, w.Records.Drop(ctx, w.key, w.run.GetId()))
	}
	if err != nil {
		return storeFailure(err)
	}
	w.log(ctx, before, after.GetStatus(), failure)
	if w.recorded {
		if err := w.Records.Prune(ctx, w.key); err != nil {
			w.Logger.WarnContext(ctx, "old runs could not be dropped", "automation", w.key.String(), "error", err)
		}
	}
	return failure
}

// end closes the run itself.
func (w *work) end(failure *Error) {
	w.run.EndTime = timestamppb.Now()
	if failure != nil {
		w.run.Outcome, w.run.Message = updaterv1.RunOutcome_RUN_OUTCOME_FAILED, failure.Sentence
	}
}

// recordOps ends the record. One that nobody knows the end of stays open; one of a commit that another run made in vain
// is dropped.
func (w *work) recordOps(ctx context.Context, failure *Error) ([]clientv3.Op, error) {
	if !w.recorded || (failure != nil && failure.open) {
		return nil, nil
	}
	if w.run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE {
		return nil, w.Records.Drop(ctx, w.key, w.run.GetId())
	}
	op, err := w.Records.PutOp(w.key, w.run)
	return []clientv3.Op{op}, err
}

// status writes what the run came to.
func (w *work) status(a *updaterv1.ImageUpdateAutomation, failure *Error, recorded bool) error {
	if a.Status == nil {
		a.Status = &updaterv1.ImageUpdateAutomationStatus{}
	}
	s := a.Status
	before := proto.CloneOf(s)
	now := w.run.GetEndTime().AsTime()
	generation := w.automation.GetMetadata().GetGeneration()
	s.ObservedGeneration = generation
	conditions.ClearReconciling(&s.Conditions)
	switch {
	case failure == nil:
		conditions.MarkReady(&s.Conditions, generation, reasonSucceeded, w.message(before), now)
		s.ObservedPolicies, s.ObservedSourceRevision, s.Warnings = observed(w.selected), w.revision, w.run.GetWarnings()
	case failure.Kind == Invalid:
		conditions.MarkStalled(&s.Conditions, generation, failure.Reason, failure.Sentence, now)
	default:
		conditions.MarkNotReady(&s.Conditions, generation, failure.Reason, failure.Sentence, now)
	}
	if w.run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
		s.LastPushCommit, s.LastPushTime = w.run.GetCommit(), w.run.GetEndTime()
	}
	same := proto.Equal(before, s) && before.GetLastAutomationRunTime() != nil
	if same && !recorded && now.Sub(before.GetLastAutomationRunTime().AsTime()) < runTimeEvery {
		return object.ErrUnchanged
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

// tellIfSlow makes the status say that the run is under way, if it takes long. The returned function ends that.
func (w *work) tellIfSlow(ctx context.Context) (stop func()) {
	told := make(chan struct{})
	timer := time.AfterFunc(slowAfter, func() {
		defer close(told)
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
	})
	return func() {
		if !timer.Stop() {
			<-told
		}
	}
}
