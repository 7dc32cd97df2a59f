// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

const (
	// maxAttempts is how often a lost race is run again, after up to 50 ms times the number of the attempt.
	maxAttempts = 8
	raceWait    = 50 * time.Millisecond
)

// batch are the automations of a group that share a remote, and so a cache.
type batch struct {
	*Runner
	repo  *gitrepo.Repo
	works []*work
	// joined are automations that nobody asked to run, whose commits have to be made again; releases give their remotes back.
	joined   []*work
	releases []func()
}

// run attempts until everybody's run has ended, one way or the other.
func (b *batch) run(ctx context.Context) {
	for attempt := 1; ; attempt++ {
		b.attempt(ctx)
		var again []*work
		for _, w := range b.works {
			if !w.done && w.failure != nil && w.failure.again() {
				again = append(again, w)
			}
		}
		if len(again) == 0 || attempt == maxAttempts {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rand.N(time.Duration(attempt) * raceWait)): // #nosec G404 -- spreads load, guards nothing
		}
		b.Meters.lostRace(ctx)
		for _, w := range again {
			w.failure = nil
			w.step("somebody else has pushed meanwhile; starting over")
		}
	}
}

// running are the works that have not ended.
func (b *batch) running() []*work {
	var running []*work
	for _, w := range b.works {
		if !w.done && w.failure == nil {
			running = append(running, w)
		}
	}
	return running
}

func (b *batch) failAll(failure func(*work) *Error) {
	for _, w := range b.running() {
		w.failure = failure(w)
	}
}

func (b *batch) attempt(ctx context.Context) {
	b.fetch(ctx)
	for _, w := range b.running() {
		w.arrivedLate(w.ctx(ctx))
	}
	for _, c := range chains(b.running()) {
		c.build(ctx)
		c.publish(ctx, b)
	}
}

// fetch fetches for everybody, and then for those who joined meanwhile.
func (b *batch) fetch(ctx context.Context) {
	for works := b.running(); len(works) > 0; {
		before := len(b.works)
		b.fetchTogether(ctx, works)
		works = b.works[before:]
	}
}

// fetchTogether fetches what these works need by one exchange. Where a reference is missing each asks alone, so that it is
// missing for those alone that want it.
func (b *batch) fetchTogether(ctx context.Context, works []*work) {
	err := b.fetchFor(ctx, works)
	if err != nil && len(works) > 1 && isAbout(err, gitrepo.ErrBranchNotFound, gitrepo.ErrRefNotFound, gitrepo.ErrRef) {
		for _, w := range works {
			if err := b.fetchFor(ctx, []*work{w}); err != nil {
				w.fetchFailed(ctx, err)
			}
		}
		return
	}
	for _, w := range works {
		if err != nil {
			w.fetchFailed(ctx, err)
		}
	}
}

func isAbout(err error, kinds ...error) bool {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func (w *work) fetchFailed(ctx context.Context, err error) {
	if w.spec.Checkout == nil && !w.preview {
		w.Sources.Failed(ctx, w.source, err)
	}
	w.failure = w.gitFailure(err)
}

// fetchFor fetches for these works, and places them. The error is the remote's, and everybody's.
func (b *batch) fetchFor(ctx context.Context, works []*work) error {
	ctx, span := b.Tracer.Start(works[0].ctx(ctx), "fetch", works[0].sharedWith(works))
	defer span.End()
	timed, cancel := works[0].remotely(gitrepo.WithProgress(ctx, progress(works)))
	defer cancel()
	var refs []gitrepo.Ref
	place := map[gitrepo.Ref]int{}
	want := func(ref gitrepo.Ref) {
		if _, there := place[ref]; !there {
			place[ref] = len(refs)
			refs = append(refs, ref)
		}
	}
	for _, w := range works {
		want(w.checkout)
		if w.spec.PushBranch != "" {
			want(w.pushRef())
		}
	}
	began := time.Now()
	tips, err := b.repo.FetchAll(timed, refs...)
	if err != nil {
		return err
	}
	for _, w := range works {
		var push *gitrepo.Tip
		if w.spec.PushBranch != "" {
			push = &tips[place[w.pushRef()]]
		}
		w.guarded(ctx, func(ctx context.Context) *Error { return b.place(ctx, w, tips[place[w.checkout]], push, began) })
	}
	return nil
}

func (w *work) pushRef() gitrepo.Ref { return gitrepo.Ref{Branch: w.spec.PushBranch, Optional: true} }

// progress tells everybody who waits how far a long download is.
func progress(works []*work) func(gitrepo.Progress) {
	return func(p gitrepo.Progress) {
		for _, w := range works {
			w.step(fmt.Sprintf("fetching: %d objects, %.1f MiB", p.Objects, float64(p.Bytes)/(1<<20)))
		}
	}
}

// chain are the works whose commits follow one another on one branch.
type chain struct {
	bases
	works []*work
	tip   gitrepo.Hash
}

// chains sorts works by what they build on and push to, in their order.
func chains(works []*work) []*chain {
	var sorted []*chain
	for _, w := range works {
		var mine *chain
		for _, c := range sorted {
			if c.branch == w.bases.branch && c.base == w.bases.base && c.old == w.bases.old {
				mine = c
			}
		}
		if mine == nil {
			mine = &chain{bases: w.bases, tip: w.bases.base}
			sorted = append(sorted, mine)
		}
		mine.works = append(mine.works, w)
	}
	return sorted
}

// build makes everybody's commit, each upon the one before.
func (c *chain) build(ctx context.Context) {
	for _, w := range c.works {
		w.run.Branch, w.revision = c.branch, c.revision()
		w.run.Base, w.run.Commit, w.commit = c.tip.String(), "", gitrepo.Hash{}
		w.guarded(ctx, func(ctx context.Context) *Error { return w.make(ctx, c.tip) })
		if w.failure == nil && !w.commit.IsZero() {
			c.tip = w.commit
		}
	}
}

// publish records the commits and pushes them. Works without one have ended well, if the others' commits arrive.
func (c *chain) publish(ctx context.Context, b *batch) {
	var made, rest []*work
	for _, w := range c.works {
		switch {
		case w.failure != nil:
		case w.commit.IsZero():
			rest = append(rest, w)
		default:
			made = append(made, w)
		}
	}
	failure := func(*work) *Error { return nil }
	if len(made) > 0 {
		failure = c.push(ctx, b, made)
	}
	tip := gitrepo.Tip{Hash: c.tip, Branch: c.branch}.Revision()
	for _, w := range rest {
		onTop := w.run.GetBase() != c.base.String() // of commits that were not there yet
		if f := failure(w); f != nil && onTop {
			w.failure = f
			continue
		} else if f == nil && len(made) > 0 {
			w.revision = tip
		}
		w.tip = c.old
		if len(made) > 0 && failure(w) == nil {
			w.tip = c.tip
		}
		w.upToDate()
		w.pushAgain(w.ctx(ctx))
	}
}

// push sends the commits. It returns how it failed, for anybody; the works that it was for know already.
func (c *chain) push(ctx context.Context, b *batch, made []*work) func(*work) *Error {
	lead := made[0]
	if err := lead.beginRecords(ctx, made); err != nil {
		return fail(made, func(w *work) *Error { return w.notRecorded(ctx, err) })
	}
	err := lead.push(lead.ctx(ctx), c)
	switch {
	case err == nil:
		for _, w := range made {
			w.pushed(w.ctx(ctx), w.commit, c.tip)
		}
		for _, w := range made {
			w.pushAgain(w.ctx(ctx))
		}
		return func(*work) *Error { return nil }
	case errors.Is(err, gitrepo.ErrRefused) && len(made) > 1:
		for _, w := range made { // one commit that the server does not like is no other's business
			w.step("the server refused the commits together; trying this one alone")
			(&batch{Runner: b.Runner, repo: b.repo, works: []*work{w}}).run(ctx)
		}
		return func(*work) *Error { return startOver() }
	default:
		return fail(made, func(w *work) *Error { return w.gitFailure(err) })
	}
}

func fail(works []*work, failure func(*work) *Error) func(*work) *Error {
	for _, w := range works {
		w.failure = failure(w)
	}
	return failure
}

// beginRecords records the runs with the ids of their commits, all or none.
func (w *work) beginRecords(ctx context.Context, made []*work) error {
	records := make([]state.Record, len(made))
	for i, w := range made {
		records[i] = state.Record{Key: w.key, Run: w.run}
	}
	if err := w.Records.Begin(ctx, records); err != nil {
		return err
	}
	for _, w := range made {
		w.recorded = true
	}
	return nil
}

// notRecorded is the failure of a work of which the record could not be begun: its own automation is gone, or another's,
// without which the others start over.
func (w *work) notRecorded(ctx context.Context, err error) *Error {
	if !errors.Is(err, object.ErrNotFound) {
		return storeFailure(err)
	}
	if _, err := w.Automations.Get(ctx, w.key); err != nil {
		return storeFailure(err)
	}
	return startOver()
}
