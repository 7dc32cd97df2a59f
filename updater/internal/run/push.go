// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/message"
)

const (
	// maxAttempts is how often a lost race is run again, after up to 50 ms times the number of the attempt.
	maxAttempts = 8
	raceWait    = 50 * time.Millisecond
)

// attempts fetches, edits and pushes until nobody was faster.
func (w *work) attempts(ctx context.Context) *Error {
	for attempt := 1; ; attempt++ {
		failure := w.attempt(ctx)
		if failure == nil || attempt == maxAttempts || ctx.Err() != nil || !failure.again() {
			return failure
		}
		w.Meters.lostRace(ctx)
		w.step("somebody else has pushed meanwhile; starting over")
		select {
		case <-ctx.Done():
			return cutOff(ctx.Err())
		case <-time.After(rand.N(time.Duration(attempt) * raceWait)): // #nosec G404 -- spreads load, guards nothing
		}
	}
}

func (w *work) attempt(ctx context.Context) *Error {
	b, failure := w.fetch(ctx)
	if failure != nil {
		return failure
	}
	w.run.Branch, w.revision = b.branch, b.revision()
	if done, failure := w.arrivedLate(ctx); done || failure != nil {
		return failure
	}
	w.run.Base, w.run.Commit = b.base.String(), ""
	e, failure := w.edit(ctx, b)
	if failure != nil {
		return failure
	}
	if len(e.files) == 0 {
		w.run.Outcome, w.run.Message = updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE, "repository up-to-date"
		return nil
	}
	commit, failure := w.commit(ctx, b, e)
	if failure != nil {
		return failure
	}
	if err := w.Records.Put(ctx, w.key, w.run); err != nil {
		return storeFailure(err)
	}
	w.recorded = true
	return w.push(ctx, b, commit)
}

func (w *work) commit(ctx context.Context, b bases, e edits) (gitrepo.Hash, *Error) {
	ctx, span := w.Tracer.Start(ctx, "commit")
	defer span.End()
	text, err := w.spec.Message.Render(message.NewData(
		message.ObjectName{Namespace: w.key.Namespace, Name: w.key.Name}, e.changes, w.spec.Values))
	if err != nil {
		return gitrepo.Hash{}, &Error{Kind: Invalid, Reason: reasonTemplate, cause: err,
			Sentence: fmt.Sprintf("spec.git.commit.messageTemplate: %v; correct it", err)}
	}
	made, err := w.repo.Commit(ctx, b.base, e.files, gitrepo.CommitInfo{
		Author: w.spec.Author, Message: text, When: time.Now().UTC(),
	})
	if err != nil {
		return gitrepo.Hash{}, w.gitFailure(err)
	}
	w.run.Commit = made.Hash.String()
	w.step("committed " + short(made.Hash))
	return made.Hash, nil
}

func (w *work) push(ctx context.Context, b bases, commit gitrepo.Hash) *Error {
	ctx, span := w.Tracer.Start(ctx, "push")
	defer span.End()
	timed, cancel := w.remotely(ctx)
	defer cancel()
	_, err := w.repo.Push(timed, []gitrepo.RefUpdate{{Name: "refs/heads/" + b.branch, Old: b.old, New: commit}}, gitrepo.PushOptions{})
	if errors.Is(err, gitrepo.ErrOutcomeUnknown) {
		if err = w.ask(ctx, commit, err); errors.Is(err, gitrepo.ErrStale) {
			w.doubtful = append(w.doubtful, commit)
		}
	}
	if err != nil {
		span.RecordError(err)
		return w.gitFailure(err)
	}
	w.pushed(ctx, commit)
	if w.spec.Checkout == nil && b.checkout.Branch == b.branch {
		b.checkout.Hash = commit
		w.Sources.Saw(ctx, w.source, b.checkout, time.Now())
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

// arrivedLate says whether a commit of an earlier attempt, which had not arrived when the remote was asked, has now.
func (w *work) arrivedLate(ctx context.Context) (bool, *Error) {
	for _, commit := range w.doubtful {
		timed, cancel := w.remotely(ctx)
		there, err := w.repo.RemoteHas(timed, gitrepo.Ref{Branch: w.run.GetBranch()}, commit)
		cancel()
		if err != nil {
			return false, w.gitFailure(err)
		}
		if there {
			w.pushed(ctx, commit)
			return true, nil
		}
	}
	return false, nil
}

func (w *work) pushed(ctx context.Context, commit gitrepo.Hash) {
	w.run.Commit = commit.String()
	w.run.Outcome = updaterv1.RunOutcome_RUN_OUTCOME_PUSHED
	w.run.Message = pushedMessage(w.run.GetCommit(), w.run.GetBranch())
	w.revision = gitrepo.Tip{Hash: commit, Branch: w.run.GetBranch()}.Revision()
	w.step(w.run.GetMessage())
	w.Logger.InfoContext(ctx, "pushed", "automation", w.key.String(), "commit", w.run.GetCommit(), "branch", w.run.GetBranch(),
		"url", w.repo.URL(), "changes", len(w.run.GetChanges()))
}
