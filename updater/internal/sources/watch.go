// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package sources

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/schedule"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

const (
	workers = 4
	// lastRetry is the longest that a look that failed waits for the next one, if the interval is longer.
	lastRetry = 10 * time.Minute
	// storeRetry is how long it waits where the store did not answer.
	storeRetry = 5 * time.Second
)

// Remotes opens remotes: remotes.Pool.
type Remotes interface {
	Open(ctx context.Context, r *updaterv1.GitRepository) (repo *gitrepo.Repo, release func(), err error)
	// Changed returns the repositories that were opened and of whose secrets one has changed since it said so last.
	Changed(ctx context.Context) ([]object.Key, error)
	// Forget ends that for a repository.
	Forget(source object.Key)
}

// Ownership says which objects are this replica's: shard.Membership.
type Ownership interface {
	Owns(key string) bool
	Changed() <-chan struct{}
}

// Watch looks at the remotes on their intervals, and at their secrets.
type Watch struct {
	*Sources
	// SecretChanged is told of the repositories that this process has opened and of whose secrets one came, went, or holds
	// something else. It must not block, and is set before Run; nil: nobody is told.
	SecretChanged func(source object.Key)

	remotes Remotes
	owner   Ownership
	tracer  trace.Tracer
	queue   *schedule.Queue
	// secretsEvery is how often secrets are looked at, give or take a fifth.
	secretsEvery time.Duration

	known map[object.Key]seen // the follower's alone
}

// seen is what of an object makes a look.
type seen struct {
	uid        string
	generation int64
	suspended  bool
}

// NewWatch makes a watch over the remotes of the repositories.
func NewWatch(s *Sources, remotes Remotes, owner Ownership, tracer trace.Tracer) *Watch {
	w := &Watch{Sources: s, remotes: remotes, owner: owner, tracer: tracer, secretsEvery: secretsEvery, known: map[object.Key]seen{}}
	w.queue = schedule.New(workers, w.look)
	return w
}

// Run looks until the context ends.
func (w *Watch) Run(ctx context.Context) error {
	var group lifecycle.Group
	group.Add("following the Git repositories", w.follow)
	group.Add("the members", w.members)
	group.Add("looking at the Git repositories", w.queue.Run)
	group.Add("the secrets of the Git repositories", w.followSecrets)
	return group.Run(ctx)
}

func (w *Watch) follow(ctx context.Context) error {
	return state.Follow(ctx, w.repositories, w.take)
}

func (w *Watch) take(event object.Event[*updaterv1.GitRepository]) {
	switch {
	case event.Deleted != nil:
		w.forget(w.known[*event.Deleted].uid)
		delete(w.known, *event.Deleted)
		w.remotes.Forget(*event.Deleted)
		w.queue.Forget(event.Deleted.String())
	case event.Changed != nil:
		meta := event.Changed.GetMetadata()
		key := object.KeyOfMeta(meta)
		now := seen{meta.GetUid(), meta.GetGeneration(), state.RepositorySuspended(event.Changed)}
		if w.known[key] != now {
			w.known[key] = now
			w.queue.Now(key.String())
		}
	}
}

// members looks at all repositories again when a replica comes or goes: some may be this one's now.
func (w *Watch) members(ctx context.Context) error {
	for {
		changed := w.owner.Changed()
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			for _, r := range w.repositories.All() {
				w.queue.Now(object.KeyOfMeta(r.GetMetadata()).String())
			}
		}
	}
}

// look looks at one remote, and plans the next look.
func (w *Watch) look(ctx context.Context, name string) {
	if !w.owner.Owns(name) {
		return
	}
	namespace, own, _ := strings.Cut(name, "/")
	key := object.KeyOf(namespace, own)
	var ok bool
	var r *updaterv1.GitRepository
	err := lifecycle.Guard(func() (err error) {
		if r, err = w.repositories.Get(ctx, key); err != nil || state.RepositorySuspended(r) {
			return err
		}
		ok = w.lookAt(ctx, r)
		return nil
	})
	switch {
	case errors.Is(err, object.ErrNotFound), ctx.Err() != nil:
		return
	case err != nil:
		w.logger.ErrorContext(ctx, "looking at a Git repository failed", "repository", name, "error", err)
		w.queue.At(name, time.Now().Add(storeRetry))
	case !state.RepositorySuspended(r):
		w.plan(name, r.GetSpec().GetInterval().AsDuration(), ok)
	}
}

// plan spreads looks over a tenth of the interval, so that those of many repositories do not stay together.
func (w *Watch) plan(name string, interval time.Duration, ok bool) {
	switch {
	case !ok && (interval <= 0 || interval > lastRetry):
		interval = lastRetry
	case interval <= 0:
		return
	}
	w.queue.At(name, time.Now().Add(interval-rand.N(interval/10+1))) // #nosec G404 -- spreads load, guards nothing
}

func (w *Watch) lookAt(ctx context.Context, r *updaterv1.GitRepository) bool {
	if violations := spec.CheckRepository(r); len(violations) > 0 {
		w.fail(ctx, r, "InvalidSpec", "spec."+violations[0].String())
		return true
	}
	ctx, span := w.tracer.Start(ctx, "look")
	defer span.End()
	ctx, cancel := context.WithTimeout(ctx, spec.TimeoutOf(r))
	defer cancel()
	repo, release, err := w.remotes.Open(ctx, r)
	if err != nil {
		w.Failed(ctx, r, err)
		return false
	}
	defer release()
	began := time.Now()
	tip, err := repo.Fetch(ctx, spec.RefOf(r.GetSpec().GetRef()))
	if err != nil {
		w.Failed(ctx, r, err)
		return false
	}
	w.Saw(ctx, r, tip, began)
	return true
}
