// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package run runs an automation once: it fetches, edits the marked places, commits, records, pushes and says in the
// status what came of it. When it runs, and why, is package dispatch's business.
//
//	settle      what an earlier run left open: did its commit arrive?
//	fetch       the checkout, and the push branch where that is another one
//	edit        marked files of the base, with the policies as they are now
//	commit      objects in the cache; nothing is sent
//	record      the run, with the commit's id, in the store
//	push        naming the old id of the branch; lost race: from fetch again
//	status      in one transaction with the end of the record
//
// It may be cut off anywhere: before the record nothing has happened, and after it the remote knows what has.
package run

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// slowAfter is how long a run takes before its status says that it is under way.
const slowAfter = 2 * time.Second

// finishTimeout bounds the last writes of a run whose context has ended.
const finishTimeout = 5 * time.Second

// Policies are the resolver's answers: policies.Follower.
type Policies interface {
	In(namespace string) map[string]*policies.Policy
	Has(key object.Key) bool
}

// Remotes opens remotes: remotes.Pool.
type Remotes interface {
	Open(ctx context.Context, r *updaterv1.GitRepository) (repo *gitrepo.Repo, release func(), err error)
}

// Sources is told what a run found out about a GitRepository: sources.Sources.
type Sources interface {
	// Saw says that the source's own reference was at tip by a look that began then.
	Saw(ctx context.Context, r *updaterv1.GitRepository, tip gitrepo.Tip, began time.Time)
	// Failed says that the source could not be looked at.
	Failed(ctx context.Context, r *updaterv1.GitRepository, err error)
}

// Records keeps the runs that made a commit: state.Runs.
type Records interface {
	Put(ctx context.Context, automation object.Key, run *updaterv1.Run) error
	PutOp(automation object.Key, run *updaterv1.Run) (clientv3.Op, error)
	Drop(ctx context.Context, automation object.Key, id string) error
	Unfinished(ctx context.Context, automation object.Key) ([]*updaterv1.Run, error)
	Prune(ctx context.Context, automation object.Key) error
}

// Runner runs automations. It is safe for concurrent use, but one automation is run by one caller at a time.
type Runner struct {
	Automations  *state.Automations
	Repositories *state.Repositories
	Records      Records
	Policies     Policies
	Remotes      Remotes
	Sources      Sources
	Logger       *slog.Logger
	Tracer       trace.Tracer
	Meters       *Meters
	// NoCrossNamespaceRefs refuses sources of other namespaces.
	NoCrossNamespaceRefs bool

	proven proven
}

// Request says why an automation runs.
type Request struct {
	Trigger updaterv1.RunTrigger
	// Step is told of each step; nil: nobody wants to know.
	Step func(sentence string)
}

// Outcome is what came of a run.
type Outcome struct {
	// Run is nil where there was nothing to run: the automation is gone or suspended.
	Run *updaterv1.Run
	// Failure is nil where the run succeeded.
	Failure *Error
	// Interval is the automation's.
	Interval time.Duration
}

// work is one run.
type work struct {
	*Runner
	plan
	request  Request
	run      *updaterv1.Run
	selected map[string]*policies.Policy
	warnings warnings
	// noted is the size of the run's changes, in bytes.
	noted int
	// recorded says that the store has the run.
	recorded bool
	// revision is what the branch was at in the end.
	revision string
	// doubtful are commits of this run that the remote may still take, though it had not when it was asked.
	doubtful []gitrepo.Hash
}

// Run runs the automation. The context's span is the parent of a run that was asked for; other runs belong to the trace
// of the policy that changed last. A context that ends in the middle leaves the rest to the next run.
func (r *Runner) Run(ctx context.Context, key object.Key, request Request) Outcome {
	automation, err := r.Automations.Get(ctx, key)
	if err != nil {
		return Outcome{Failure: storeFailure(err)}
	}
	interval := automation.GetSpec().GetInterval().AsDuration()
	if state.AutomationSuspended(automation) {
		return Outcome{Failure: suspended("ImageUpdateAutomation", key), Interval: interval}
	}
	w := &work{Runner: r, plan: plan{automation: automation, key: key}, request: request}
	w.run = &updaterv1.Run{Trigger: request.Trigger, StartTime: timestamppb.Now()}
	if id, err := uuid.NewV7(); err == nil {
		w.run.Id = id.String()
	} else {
		return Outcome{Failure: internal(err), Interval: interval}
	}
	ctx, span := w.span(ctx)
	defer span.End()
	stop := w.tellIfSlow(ctx)
	var failure *Error
	if err := lifecycle.Guard(func() error { failure = w.whole(ctx); return nil }); err != nil {
		failure = w.panicked(ctx, err)
	}
	stop()
	if failure = w.finish(ctx, failure); failure != nil {
		span.RecordError(failure)
	}
	if failure == nil || failure.Kind != CutOff {
		w.Meters.ran(ctx, w.run)
	}
	return Outcome{Run: w.run, Failure: failure, Interval: interval}
}

func (w *work) panicked(ctx context.Context, err error) *Error {
	var caught *lifecycle.PanicError
	if errors.As(err, &caught) {
		w.Logger.ErrorContext(ctx, "a run has panicked", "automation", w.key.String(), "error", err, "stack", caught.Stack())
	}
	return internal(err)
}

// whole is the run between its beginning and its status.
func (w *work) whole(ctx context.Context) *Error {
	if failure := w.prepare(ctx); failure != nil {
		return failure
	}
	repo, release, err := w.Remotes.Open(ctx, w.source)
	if err != nil {
		w.Sources.Failed(ctx, w.source, err)
		return w.gitFailure(err)
	}
	defer release()
	w.repo = repo
	if failure := w.settle(ctx); failure != nil {
		return failure
	}
	return w.attempts(ctx)
}

// step tells whoever asked for the run what was done.
func (w *work) step(sentence string) {
	if w.request.Step != nil {
		w.request.Step(sentence)
	}
}
