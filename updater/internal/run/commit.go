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
	"github.com/tidemark-io/tidemark/updater/internal/message"
	"github.com/tidemark-io/tidemark/updater/marker"
)

// make edits what the tip has and makes a commit of it, if there is anything to change.
func (w *work) make(ctx context.Context, tip gitrepo.Hash) *Error {
	if failure := w.edit(ctx, tip); failure != nil {
		return failure
	}
	if len(w.edits.files) == 0 {
		return nil
	}
	ctx, span := w.Tracer.Start(ctx, "commit")
	defer span.End()
	text, failure := w.text()
	if failure != nil {
		return failure
	}
	info := gitrepo.CommitInfo{Author: w.spec.Author, Message: text, When: time.Now().UTC()}
	if w.signer != nil {
		info.Sign = w.signer.Sign
	}
	made, err := w.repo.Commit(ctx, tip, w.edits.contents(), info)
	if errors.Is(err, gitrepo.ErrNoChange) {
		return nil
	}
	if err != nil {
		return w.gitFailure(err)
	}
	w.commit, w.run.Commit, w.run.CommitMessage = made.Hash, made.Hash.String(), bounded(text)
	w.step("committed " + short(made.Hash))
	return nil
}

// text is the commit's message.
func (w *work) text() (string, *Error) {
	changes := make(map[string][]marker.Change, len(w.edits.files))
	for _, f := range w.edits.files {
		changes[f.Path] = f.result.Changes
	}
	text, err := w.spec.Message.Render(message.NewData(
		message.ObjectName{Namespace: w.key.Namespace, Name: w.key.Name}, changes, w.spec.Values))
	if err != nil {
		return "", &Error{Kind: Invalid, Reason: reasonTemplate, cause: err,
			Sentence: fmt.Sprintf("spec.git.commit.messageTemplate: %v; correct it", err)}
	}
	return text, nil
}

// upToDate ends a run that has nothing to commit.
func (w *work) upToDate() {
	w.done = true
	w.run.Outcome, w.run.Message = updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE, "repository up-to-date"
}
