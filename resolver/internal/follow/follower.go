// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/schedule"
)

// loaders is how many repositories are loaded at once.
const loaders = 8

const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Config says whom to follow.
type Config struct {
	// Scanner is a connection to the scanner. Required.
	Scanner grpc.ClientConnInterface
	// Connected is told whether the scanner's heads are being followed, whenever that changes. May be nil.
	Connected func(bool)
	// Logger; nil: nowhere.
	Logger *slog.Logger
}

// Follower follows the scanner. It is safe for concurrent use.
type Follower struct {
	scanner   scannerv1.TagServiceClient
	connected func(bool)
	logger    *slog.Logger
	loads     *schedule.Queue
	notify    func(policy object.Key)
	online    atomic.Bool
	telling   sync.Mutex // held while online changes and others are told

	mu      sync.RWMutex
	sources map[object.Key]*source
	wanted  map[object.Key]object.Key // policy -> repository
}

// New makes a follower. notify is called for each policy for which there may be something new, from any goroutine; it
// must not block.
func New(cfg Config, notify func(policy object.Key)) *Follower {
	f := &Follower{
		scanner:   scannerv1.NewTagServiceClient(cfg.Scanner),
		connected: cfg.Connected,
		logger:    cfg.Logger,
		notify:    notify,
		sources:   map[object.Key]*source{},
		wanted:    map[object.Key]object.Key{},
	}
	if f.logger == nil {
		f.logger = slog.New(slog.DiscardHandler)
	}
	if f.connected == nil {
		f.connected = func(bool) {}
	}
	f.loads = schedule.New(loaders, f.load)
	return f
}

// Run follows the heads and loads tag sets until the context ends.
func (f *Follower) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.loads.Run(ctx) })
	group.Go(func() error { return f.watch(ctx) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("following the scanner: %w", err)
	}
	return nil
}

// Want says that the policy reads the repository, and no other any more. The policy is told when the tags are there, and
// again whenever they changed.
func (f *Follower) Want(policy, repository object.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if was, ok := f.wanted[policy]; ok {
		if was == repository {
			return
		}
		f.unwant(policy)
	}
	s := f.sourceOf(repository)
	s.policies[policy] = struct{}{}
	f.wanted[policy] = repository
	// Tags that only Resolve has asked for may be out of date; and another namespace needs leave.
	if _, err := s.look(policy.Namespace); !s.fresh() || err != nil {
		s.changed++
		f.loads.Now(repository.String())
	}
}

// Unwant says that the policy reads nothing any more.
func (f *Follower) Unwant(policy object.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unwant(policy)
}

func (f *Follower) unwant(policy object.Key) {
	repository, ok := f.wanted[policy]
	if !ok {
		return
	}
	delete(f.wanted, policy)
	s := f.sources[repository]
	if delete(s.policies, policy); len(s.policies) > 0 {
		return
	}
	f.loads.Forget(repository.String())
	if s.used.Load() == 0 {
		delete(f.sources, repository)
	}
	f.dropIdle()
}

// Look returns what the policy gets to see of the repository that it wants, without waiting. Tags that are out of date
// because the scanner is away are returned as they are. Errors: ErrPending, ErrAbsent, ErrNotScanned, ErrDenied,
// ErrUnreachable.
func (f *Follower) Look(policy object.Key) (*Tags, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	repository, ok := f.wanted[policy]
	if !ok {
		return nil, ErrPending
	}
	return f.sources[repository].look(policy.Namespace)
}

// Online says whether the scanner's heads are being followed.
func (f *Follower) Online() bool { return f.online.Load() }

// Held returns how many repositories are held in memory, and how many tags they have.
func (f *Follower) Held() (repositories, tags int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, s := range f.sources {
		if s.tags != nil {
			repositories++
			tags += s.tags.size()
		}
	}
	return repositories, tags
}

// sourceOf returns the source of a repository, a new one if need be. The caller holds mu.
func (f *Follower) sourceOf(key object.Key) *source {
	s, ok := f.sources[key]
	if !ok {
		s = newSource(key)
		f.sources[key] = s
	}
	return s
}

// retryAfter grows with each failure, and is spread so that the scanner is not asked for everything at once.
func retryAfter(failures int) time.Duration {
	d := min(lastRetry, firstRetry<<min(failures, 10))
	return d/2 + rand.N(d/2) //nolint:gosec // no secret
}

func parseKey(text string) object.Key {
	namespace, name, _ := strings.Cut(text, "/")
	return object.Key{Namespace: namespace, Name: name}
}
