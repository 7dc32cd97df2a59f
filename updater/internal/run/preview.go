// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/diff"
	"github.com/tidemark-io/tidemark/updater/internal/guard"
)

// maxDiff bounds a preview's diff, in bytes: an answer has to fit a message.
const maxDiff = 16 << 20

// Preview is what a run would do.
type Preview struct {
	// Run has neither id nor commit.
	Run *updaterv1.Run
	// Diff is one unified diff; empty where nothing would change.
	Diff string
}

// Preview says what a run would commit now. Nothing is pushed and nothing stored, but for what the cache fetches. A
// suspended automation is previewed as well. The failures are those of a run, and one of the kind TooLarge.
func (r *Runner) Preview(ctx context.Context, key object.Key) (Preview, *Error) {
	w := &work{Runner: r, plan: plan{key: key}, preview: true, read: map[object.Key]guard.History{}}
	automation, err := r.Automations.Get(ctx, key)
	if err != nil {
		return Preview{}, storeFailure(err)
	}
	ctx, span := r.Tracer.Start(ctx, "preview")
	defer span.End()
	w.automation, w.span = automation, span
	w.run = &updaterv1.Run{Trigger: updaterv1.RunTrigger_RUN_TRIGGER_REQUEST, StartTime: timestamppb.Now()}
	if failure := w.prepare(ctx); failure != nil {
		return Preview{}, failure
	}
	release := w.open(ctx)
	if w.failure != nil {
		return Preview{}, w.failure
	}
	defer release()
	b := &batch{Runner: r, repo: w.repo, works: []*work{w}}
	for attempt := 1; ; attempt++ {
		preview, failure := b.preview(ctx, w)
		if failure == nil || attempt == maxAttempts || !failure.again() || ctx.Err() != nil {
			return preview, failure
		}
		w.failure = nil
		select {
		case <-ctx.Done():
		case <-time.After(raceWait):
		}
	}
}

func (b *batch) preview(ctx context.Context, w *work) (Preview, *Error) {
	b.fetch(ctx)
	if w.failure != nil {
		return Preview{}, w.failure
	}
	w.run.Branch, w.run.Base = w.bases.branch, w.bases.base.String()
	w.guarded(ctx, func(ctx context.Context) *Error { return w.edit(ctx, w.bases.base) })
	if w.failure != nil {
		return Preview{}, w.failure
	}
	w.run.Outcome, w.run.Message = updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE, "repository up-to-date"
	var text strings.Builder
	if len(w.edits.files) > 0 {
		message, failure := w.text()
		if failure != nil {
			return Preview{}, failure
		}
		w.run.CommitMessage, w.run.Outcome = message, updaterv1.RunOutcome_RUN_OUTCOME_UNSPECIFIED
		w.run.Message = fmt.Sprintf("would change %d values in %d files on branch '%s'", w.edits.count, len(w.edits.files), w.bases.branch)
	}
	for _, f := range w.edits.files {
		before, err := w.repo.ReadFile(f.File)
		if err != nil {
			return Preview{}, w.gitFailure(err)
		}
		text.WriteString(diff.Unified(f.Path, before, f.result.Data))
		if text.Len() > maxDiff {
			return Preview{}, &Error{Kind: TooLarge, Reason: reasonUpdate, Sentence: fmt.Sprintf(
				"the diff is larger than %d MiB; the changes are %d values in %d files; set spec.update.path to less to see them",
				maxDiff>>20, w.edits.count, len(w.edits.files))}
		}
	}
	w.run.EndTime = timestamppb.Now()
	return Preview{Run: w.run, Diff: strings.ToValidUTF8(text.String(), "\uFFFD")}, nil
}
