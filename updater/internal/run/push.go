// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"google.golang.org/protobuf/types/known/timestamppb"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

// push sends a chain of commits, of which this work's is the first: its span is below this run's, and linked to the others'.
// The push options of all are sent; of one key the last one counts.
func (w *work) push(ctx context.Context, c *chain) error {
	ctx, span := w.Tracer.Start(ctx, "push", w.sharedWith(c.works))
	defer span.End()
	timed, cancel := w.remotely(ctx)
	defer cancel()
	options := map[string]string{}
	for _, w := range c.works {
		for key, value := range w.spec.PushOptions {
			options[key] = value
		}
	}
	update := gitrepo.RefUpdate{Name: "refs/heads/" + c.branch, Old: c.old, New: c.tip, Replace: c.rebuilt}
	_, err := w.repo.Push(timed, []gitrepo.RefUpdate{update}, gitrepo.PushOptions{Options: options})
	if errors.Is(err, gitrepo.ErrOutcomeUnknown) {
		if err = w.ask(ctx, c.tip, err); errors.Is(err, gitrepo.ErrStale) {
			for _, w := range c.works {
				if !w.commit.IsZero() {
					w.doubtful = append(w.doubtful, w.commit)
				}
			}
		}
	}
	if err != nil {
		span.RecordError(err)
		return err
	}
	if w.spec.Checkout == nil && c.checkout.Branch == c.branch {
		tip := c.checkout
		tip.Hash = c.tip
		w.Sources.Saw(ctx, w.source, tip, time.Now())
	}
	return nil
}

// ask asks the remote about a push of which nobody said how it ended: nil: the commit is there; ErrStale: it is not;
// ErrOutcomeUnknown: still nobody knows.
func (w *work) ask(ctx context.Context, commit gitrepo.Hash, unknown error) error {
	timed, cancel := w.remotely(ctx)
	defer cancel()
	there, err := w.repo.RemoteHas(timed, gitrepo.Ref{Branch: w.run.GetBranch()}, commit)
	switch {
	case err != nil:
		return unknown
	case there:
		return nil
	default:
		return fmt.Errorf("%w: %s did not arrive", gitrepo.ErrStale, short(commit))
	}
}

// arrivedLate ends the run if a commit of an earlier attempt, which had not arrived when the remote was asked, has now.
func (w *work) arrivedLate(ctx context.Context) {
	for _, commit := range w.doubtful {
		timed, cancel := w.remotely(ctx)
		there, err := w.repo.RemoteHas(timed, gitrepo.Ref{Branch: w.run.GetBranch()}, commit)
		cancel()
		if err != nil {
			w.failure = w.gitFailure(err)
			return
		}
		if there {
			w.pushed(ctx, commit, commit)
			w.pushAgain(ctx)
			return
		}
	}
}

// pushed ends a run whose commit is on the remote. The branch is at tip now.
func (w *work) pushed(ctx context.Context, commit, tip gitrepo.Hash) {
	w.done, w.commit = true, commit
	w.run.Commit = commit.String()
	w.run.Outcome = updaterv1.RunOutcome_RUN_OUTCOME_PUSHED
	w.run.Message = pushedMessage(w.run.GetCommit(), w.run.GetBranch())
	w.revision = gitrepo.Tip{Hash: tip, Branch: w.run.GetBranch()}.Revision()
	w.step(w.run.GetMessage())
	w.Logger.InfoContext(ctx, "pushed", "automation", w.key.String(), "commit", w.run.GetCommit(), "branch", w.run.GetBranch(),
		"url", w.repo.URL(), "changes", len(w.run.GetChanges()))
}

// pushAgain pushes to the second reference, where there is one. A failure of that leaves the run pushed, and not ready: it is
// tried again by the next run.
func (w *work) pushAgain(ctx context.Context) {
	if w.spec.Second == nil {
		return
	}
	w.run.SecondPush = &updaterv1.SecondPush{Ref: w.spec.Second.To}
	w.failure = w.secondPush(ctx, w.run)
}

// secondPush pushes the run's commit to its second reference.
func (w *work) secondPush(ctx context.Context, run *updaterv1.Run) *Error {
	ctx, span := w.Tracer.Start(ctx, "push again")
	defer span.End()
	second := run.GetSecondPush()
	err := w.sendAgain(ctx, second.GetRef(), plumbing.NewHash(run.GetCommit()))
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

func (w *work) sendAgain(ctx context.Context, ref string, commit gitrepo.Hash) error {
	timed, cancel := w.remotely(ctx)
	defer cancel()
	tips, err := w.repo.FetchAll(timed, gitrepo.Ref{Branch: w.run.GetBranch()}, gitrepo.Ref{Name: ref, Optional: true})
	if err != nil {
		return err
	}
	if old := tips[1].Hash; !old.IsZero() {
		there, err := w.repo.Contains(timed, gitrepo.Ref{Name: ref}, old, commit)
		if err != nil || there {
			return err
		}
	}
	_, err = w.repo.Push(timed, []gitrepo.RefUpdate{{Name: ref, Old: tips[1].Hash, New: commit}}, gitrepo.PushOptions{Options: w.spec.PushOptions})
	return err
}
