// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	w.done, w.commit, w.tip = true, commit, tip
	w.run.Commit = commit.String()
	w.run.Outcome = updaterv1.RunOutcome_RUN_OUTCOME_PUSHED
	w.run.Message = pushedMessage(w.run.GetCommit(), w.run.GetBranch())
	w.revision = gitrepo.Tip{Hash: tip, Branch: w.run.GetBranch()}.Revision()
	w.step(w.run.GetMessage())
	w.Logger.InfoContext(ctx, "pushed", "automation", w.key.String(), "commit", w.run.GetCommit(), "branch", w.run.GetBranch(),
		"url", w.repo.URL(), "changes", len(w.run.GetChanges()))
}
