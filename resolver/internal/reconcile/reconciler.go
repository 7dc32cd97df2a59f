// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/schedule"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

// workers is how many policies are evaluated at once; most of the time of those is spent waiting for digests and the store.
const workers = 16

// ownershipEvery is how often it is looked whether a policy of another replica has become this one's.
const ownershipEvery = 10 * time.Second

const resubscribeAfter = 200 * time.Millisecond

// Source is where tags come from: follow.Follower.
type Source interface {
	Want(policy, repository object.Key)
	Unwant(policy object.Key)
	Look(policy object.Key) (*follow.Tags, error)
	Refresh(ctx context.Context, repository object.Key, namespace string) (*follow.Tags, error)
	Digest(ctx context.Context, repository object.Key, tag, namespace string) (string, error)
	facts.Asker
}

// Ownership says which repositories are this replica's: shard.Membership.
type Ownership interface {
	Owns(key string) bool
	Changed() <-chan struct{}
}

// Reconciler evaluates policies. It is safe for concurrent use.
type Reconciler struct {
	policies *state.Policies
	sights   *state.Sights
	source   Source
	selector *selection.Selector
	logger   *slog.Logger
	tracer   trace.Tracer
	meters   *meters
	queue    *schedule.Queue
	started  chan struct{} // closed when owner is set
	owner    Ownership

	mu   sync.Mutex
	work map[object.Key]*work
}

// New makes a reconciler; the source is given to Use.
func New(policies *state.Policies, sights *state.Sights, tel *telemetry.Telemetry) (*Reconciler, error) {
	meters, err := newMeters(tel, policies)
	if err != nil {
		return nil, err
	}
	r := &Reconciler{
		policies: policies,
		sights:   sights,
		logger:   tel.Logger(),
		tracer:   tel.Tracer("tidemark.resolver"),
		meters:   meters,
		started:  make(chan struct{}),
		work:     map[object.Key]*work{},
	}
	r.queue = schedule.New(workers, r.runGuarded)
	return r, nil
}

// Use sets where tags come from, and who selects one. It is called once, before anything else.
func (r *Reconciler) Use(source Source, selector *selection.Selector) {
	r.source, r.selector = source, selector
}

// Notify has the policy evaluated.
func (r *Reconciler) Notify(policy object.Key) { r.queue.Now(policy.String()) }

// Run evaluates the policies that are this replica's until the context ends. It is called once.
func (r *Reconciler) Run(ctx context.Context, owner Ownership) error {
	r.owner = owner
	close(r.started)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.queue.Run(ctx) })
	group.Go(func() error { return r.follow(ctx) })
	group.Go(func() error { return r.followOwners(ctx) })
	if err := group.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("evaluating policies: %w", err)
	}
	return nil
}

// follow takes in every change of a policy.
func (r *Reconciler) follow(ctx context.Context) error {
	for {
		err := r.followOnce(ctx)
		if ctx.Err() != nil || errors.Is(err, object.ErrShuttingDown) {
			return nil //nolint:nilerr // it ended because it was told to
		}
		r.logger.WarnContext(ctx, "the policies are not followed; starting over", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(resubscribeAfter):
		}
	}
}

func (r *Reconciler) followOnce(ctx context.Context) error {
	subscription, err := r.policies.Subscribe(ctx, object.Filter{}, "")
	if err != nil {
		return fmt.Errorf("following the policies: %w", err)
	}
	for {
		event, err := subscription.Next(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("following the policies: %w", err)
		case event.Deleted != nil:
			r.forget(*event.Deleted)
		case event.Checkpoint:
			r.forgetDeleted()
		default:
			r.consider(object.KeyOfMeta(event.Changed.GetMetadata()))
		}
	}
}

// followOwners considers all policies again when replicas come or go.
func (r *Reconciler) followOwners(ctx context.Context) error {
	for {
		changed := r.owner.Changed()
		for _, policy := range r.policies.All() {
			r.consider(object.KeyOfMeta(policy.GetMetadata()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// consider has the policy evaluated if what it is evaluated from has changed; a status that was written has not. It goes
// by the cache, which is never older than what the caller was told, so that of two callers the last one is right.
func (r *Reconciler) consider(key object.Key) {
	w := r.workOf(key)
	w.mu.Lock()
	defer w.mu.Unlock()
	policy, ok := r.policies.Cached(key)
	if !ok {
		return
	}
	owned := r.owner.Owns(state.RepositoryOf(policy).String())
	if !w.takes(policy, owned) {
		return
	}
	if owned && !state.Suspended(policy) {
		r.source.Want(key, state.RepositoryOf(policy))
	} else {
		r.source.Unwant(key)
	}
	r.queue.Now(key.String()) // which also lets go of what is held for nothing
}

// forget lets go of a policy that is deleted.
func (r *Reconciler) forget(key object.Key) {
	r.source.Unwant(key)
	r.mu.Lock()
	w := r.work[key]
	delete(r.work, key)
	r.mu.Unlock()
	r.queue.Forget(key.String())
	if w != nil {
		w.retire()
	}
}

// forgetDeleted lets go of the policies whose deletion was not told, because the subscription had to start over.
func (r *Reconciler) forgetDeleted() {
	r.mu.Lock()
	keys := make([]object.Key, 0, len(r.work))
	for key := range r.work {
		keys = append(keys, key)
	}
	r.mu.Unlock()
	for _, key := range keys {
		if _, ok := r.policies.Cached(key); !ok {
			r.forget(key)
		}
	}
}

func (r *Reconciler) workOf(key object.Key) *work {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, ok := r.work[key]
	if !ok {
		w = newWork()
		r.work[key] = w
	}
	return w
}
