// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/types/known/timestamppb"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/guard"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
)

// work is one automation's run.
type work struct {
	*Runner
	plan
	request Request
	span    trace.Span
	run     *updaterv1.Run
	// preview says that nothing is stored.
	preview bool
	// done says that the run has come to its end, well; failure that it has not, or not to all of it.
	done    bool
	failure *Error
	bases   bases
	// behind is a warning about the push branch; empty: there is none.
	behind string
	// read are the histories that somebody of the group has asked for already.
	read map[object.Key]guard.History
	// lost are earlier runs that were cut off, and whose commits had not arrived when this one began.
	lost []*updaterv1.Run
	// tip is where the branch was in the end; zero: it was not there.
	tip gitrepo.Hash
	// due are earlier runs whose second push failed so far, the oldest first; settled those of which that is over, or that have
	// something new to tell of it.
	due, settled []*updaterv1.Run
	// selected are the policies by name.
	selected map[string]*policies.Policy
	warnings warnings
	// problems counts what was left alone by its kind.
	problems map[string]int64
	edits    edits
	// unsure is why the run has to be tried again though it came to its end: some values could not be compared.
	unsure *Error
	// commit is what was made of the edits; zero: there were none.
	commit gitrepo.Hash
	// noted is the size of the run's changes, in bytes.
	noted int
	// recorded says that the store has the run.
	recorded bool
	// revision is what the branch was at in the end.
	revision string
	// doubtful are commits of this run that the remote may still take, though it had not when it was asked.
	doubtful []gitrepo.Hash
}

// begin reads the automation and its source. Where that fails the work has its failure already.
func (r *Runner) begin(ctx context.Context, member Member) *work {
	w := &work{Runner: r, plan: plan{key: member.Key}, request: member.Request, span: noop.Span{}, read: map[object.Key]guard.History{}}
	automation, err := r.Automations.Get(ctx, member.Key)
	if err != nil {
		w.failure = storeFailure(err)
		return w
	}
	w.automation = automation
	id, err := uuid.NewV7()
	if err != nil {
		w.failure = internal(err)
		return w
	}
	w.run = &updaterv1.Run{Id: id.String(), Trigger: member.Request.Trigger, StartTime: timestamppb.Now()}
	w.startSpan(ctx)
	w.failure = w.prepare(ctx)
	return w
}

// ctx is the context with the work's span.
func (w *work) ctx(ctx context.Context) context.Context { return trace.ContextWithSpan(ctx, w.span) }

// open opens the remote. The returned function gives it back.
func (w *work) open(ctx context.Context) (release func()) {
	repo, release, err := w.Remotes.Open(w.ctx(ctx), w.source)
	if err != nil {
		if !w.preview {
			w.Sources.Failed(ctx, w.source, err)
		}
		w.failure = w.gitFailure(err)
		return nil
	}
	w.repo, w.run.Url = repo, repo.URL()
	return release
}

// guarded does something of this work alone: a defect in it is no other's failure.
func (w *work) guarded(ctx context.Context, do func(context.Context) *Error) {
	ctx = w.ctx(ctx)
	if err := lifecycle.Guard(func() error { w.failure = do(ctx); return nil }); err != nil {
		w.failure = w.panicked(ctx, err)
	}
}

func (w *work) panicked(ctx context.Context, err error) *Error {
	var caught *lifecycle.PanicError
	if errors.As(err, &caught) {
		w.Logger.ErrorContext(ctx, "a run has panicked", "automation", w.key.String(), "error", err, "stack", caught.Stack())
	}
	return internal(err)
}

// close writes the end of the run, and says what came of it.
func (w *work) close(ctx context.Context) Outcome {
	outcome := Outcome{Run: w.run, Failure: w.failure, Interval: w.automation.GetSpec().GetInterval().AsDuration()}
	if w.failure != nil && (w.failure.Kind == Gone || w.failure.Kind == Suspended) {
		outcome.Run = nil
		return outcome
	}
	if w.run == nil {
		return outcome
	}
	ctx = w.ctx(ctx)
	if w.done {
		if failure := w.settleLost(ctx); failure != nil && w.failure == nil {
			w.failure = failure
		}
	}
	outcome.Failure = w.finish(ctx, w.failure)
	if outcome.Failure != nil {
		w.span.RecordError(outcome.Failure)
	}
	if outcome.Failure == nil || outcome.Failure.Kind != CutOff {
		w.Meters.ran(ctx, w.run, w.problems)
	}
	return outcome
}

// step tells whoever asked for the run what was done.
func (w *work) step(sentence string) {
	if w.request.Step != nil {
		w.request.Step(sentence)
	}
}
