// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"google.golang.org/protobuf/types/known/timestamppb"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

// pushAgain pushes to the second reference what is due there: this run's commit, or that of an earlier run whose second push
// failed. Of several the newest counts, which has overtaken the others. A failure leaves the run as it ended, and not ready:
// it is tried again by the next run, and keeps none from its commit.
func (w *work) pushAgain(ctx context.Context) {
	if w.spec.Second != nil && w.run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
		w.run.SecondPush = &updaterv1.SecondPush{Ref: w.spec.Second.To}
		w.due = append(w.due, w.run)
	}
	for i, run := range w.due {
		wanted := w.spec.Second != nil && w.spec.Second.To == run.GetSecondPush().GetRef()
		if last := i == len(w.due)-1; last && wanted {
			w.failure = w.secondPush(ctx, run)
		} else {
			run.SecondPush = nil // overtaken, or nobody asks for it any longer
		}
		if run != w.run {
			w.settled = append(w.settled, run)
		}
	}
	w.due = nil
}

// secondPush pushes the run's commit to its second reference.
func (w *work) secondPush(ctx context.Context, run *updaterv1.Run) *Error {
	ctx, span := w.Tracer.Start(ctx, "push again")
	defer span.End()
	second := run.GetSecondPush()
	err := w.sendAgain(ctx, run)
	if err == nil {
		second.Time, second.Problem = timestamppb.Now(), ""
		w.step(fmt.Sprintf("pushed commit '%.7s' to %s", run.GetCommit(), second.GetRef()))
		return nil
	}
	span.RecordError(err)
	failure := w.gitFailure(err)
	if failure.Kind == CutOff {
		return failure
	}
	second.Problem = bounded(failure.Sentence)
	failure.Sentence = fmt.Sprintf("%s, but not to %s: %s; it is tried again",
		pushedMessage(run.GetCommit(), run.GetBranch()), second.GetRef(), failure.Sentence)
	failure.open = false
	return failure
}

// sendAgain pushes the run's commit to its second reference, unless that has it. A reference that holds commits of ours alone
// which the branch has left behind, when it was built anew, follows the branch.
func (w *work) sendAgain(ctx context.Context, run *updaterv1.Run) error {
	ctx, cancel := w.remotely(ctx)
	defer cancel()
	branch, second, commit := gitrepo.Ref{Branch: run.GetBranch()}, gitrepo.Ref{Name: run.GetSecondPush().GetRef()}, plumbing.NewHash(run.GetCommit())
	tips, err := w.repo.FetchAll(ctx, branch, gitrepo.Ref{Name: second.Name, Optional: true})
	if err != nil {
		return err
	}
	old := tips[1].Hash
	update := gitrepo.RefUpdate{Name: second.Name, Old: old, New: commit}
	if !old.IsZero() {
		there, err := w.repo.Contains(ctx, second, old, commit)
		if err != nil || there {
			return err
		}
		ahead, err := w.repo.Ahead(ctx, second, old, commit, maxAhead)
		if err != nil {
			return err
		}
		if update.Replace, err = w.allWritten(ctx, run.GetBranch(), ahead); err != nil {
			return err
		}
	}
	_, err = w.repo.Push(ctx, []gitrepo.RefUpdate{update}, gitrepo.PushOptions{Options: w.spec.PushOptions})
	return err
}

// allWritten says whether there are such commits and all of them are recorded as pushed to the branch.
func (w *work) allWritten(ctx context.Context, branch string, commits []gitrepo.Hash) (bool, error) {
	if len(commits) == 0 || len(commits) > maxAhead {
		return false, nil
	}
	authors, failure := w.authors(ctx, branch)
	if failure != nil {
		return false, failure
	}
	for _, commit := range commits {
		if _, ours := authors[commit.String()]; !ours {
			return false, nil
		}
	}
	return true, nil
}
