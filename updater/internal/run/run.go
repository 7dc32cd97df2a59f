// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package run runs automations once: it fetches, edits the marked places, commits, records, pushes and says in the
// statuses what came of it. Automations that push to one branch as one user are run together: one fetch, a commit each, one
// push. When they run, and why, is package dispatch's business.
//
//	settle      what an earlier run left open: did its commit arrive? is a second push due?
//	fetch       the checkouts, and the push branch where that is another one
//	edit        marked files of the base, with the policies as they are now; what the guard holds back stays
//	commit      objects in the cache, one commit upon the other; nothing is sent
//	record      the runs, with the ids of their commits, in the store
//	push        naming the old id of the branch; lost race: from fetch again
//	push again  where the automation has a refspec
//	status      in one transaction with the end of the record
//
// It may be cut off anywhere: before the record nothing has happened, and after it the remote knows what has.
//
//	group.go    the automations of one remote: attempts, chains of commits, isolation of those that fail
//	work.go     one automation's run
//	bases.go    what is built on, and when a push branch is built anew
//	edit.go     marked files, judged by judge.go
//	preview.go  the same up to the commit, and a diff in its place
package run

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	clientv3 "go.etcd.io/etcd/client/v3"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/guard"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/internal/signing"
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

// Records keeps the runs: state.Runs.
type Records interface {
	Begin(ctx context.Context, records []state.Record) error
	EndOps(ctx context.Context, automation object.Key, run *updaterv1.Run) ([]clientv3.Op, error)
	Drop(ctx context.Context, automation object.Key, id string) error
	Unfinished(ctx context.Context, automation object.Key) ([]*updaterv1.Run, error)
	Commits(ctx context.Context, automation object.Key, branch string) ([]string, error)
	History(ctx context.Context, automation object.Key) (guard.History, error)
	Prune(ctx context.Context, automation object.Key) error
}

// Guard says which edits must not be made: guard.Guard.
type Guard interface {
	Judge(ctx context.Context, q guard.Question) (map[int]*updaterv1.HeldValue, error)
}

// Runner runs automations. It is safe for concurrent use, but one automation is run by one caller at a time, and so is one
// branch.
type Runner struct {
	Automations  *state.Automations
	Repositories *state.Repositories
	Records      Records
	Policies     Policies
	Guard        Guard
	Remotes      Remotes
	Secrets      secret.Source
	Sources      Sources
	Logger       *slog.Logger
	Tracer       trace.Tracer
	Meters       *Meters
	// NoCrossNamespaceRefs refuses sources of other namespaces.
	NoCrossNamespaceRefs bool

	known   known
	signers signing.Signers
}

// Request says why an automation runs.
type Request struct {
	Trigger updaterv1.RunTrigger
	// Step is told of each step; nil: nobody wants to know.
	Step func(sentence string)
	// Parent is the span of who asked for the run; the zero value: nobody did.
	Parent trace.SpanContext
}

// Member is one automation of a group.
type Member struct {
	Key     object.Key
	Request Request
}

// Outcome is what came of a run.
type Outcome struct {
	// Run is nil where there was nothing to run: the automation is gone or suspended.
	Run *updaterv1.Run
	// Failure is nil where the run succeeded. A run that pushed may have one all the same: its second push failed, or the
	// resolver did not answer about some of the values.
	Failure *Error
	// Interval is the automation's.
	Interval time.Duration
}

// Run runs the automations of one group, and returns an outcome for each, in their order. One that fails does not keep the
// others from their commits. A run that was asked for belongs to the trace of who asked; others belong to that of the policy
// that changed last. A context that ends in the middle leaves the rest to the next run.
func (r *Runner) Run(ctx context.Context, members []Member) []Outcome {
	works := make([]*work, len(members))
	for i, member := range members {
		works[i] = r.begin(ctx, member)
		defer works[i].span.End()
	}
	if len(works) == 0 {
		return nil
	}
	stop := r.tellIfSlow(ctx, works)
	inBatches(ctx, r, works)
	stop()
	outcomes := make([]Outcome, len(works))
	for i, w := range works {
		outcomes[i] = w.close(ctx)
	}
	return outcomes
}

// inBatches runs the works that share a remote together.
func inBatches(ctx context.Context, r *Runner, works []*work) {
	var batches []*batch
	for _, w := range works {
		if w.failure != nil {
			continue
		}
		release := w.open(ctx)
		if w.failure != nil {
			continue
		}
		defer release()
		w.guarded(ctx, w.settle)
		if w.failure != nil {
			continue
		}
		found := false
		for _, b := range batches {
			if b.repo == w.repo {
				w.read = b.works[0].read
				b.works, found = append(b.works, w), true
			}
		}
		if !found {
			batches = append(batches, &batch{Runner: r, repo: w.repo, works: []*work{w}})
		}
	}
	for _, b := range batches {
		if err := lifecycle.Guard(func() error { b.run(ctx); return nil }); err != nil {
			b.failAll(func(w *work) *Error { return w.panicked(ctx, err) })
		}
		b.closeJoined(ctx)
	}
}
