// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/schedule"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/scanner/internal/origin"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

const (
	// unownedRecheck is when a key is looked at again that was not this replica's as it was due.
	unownedRecheck = 30 * time.Second
	resubscribe    = time.Second
	// lookAgain is when an object is looked at again of which the cache says otherwise than the store.
	lookAgain = 100 * time.Millisecond
)

// Config is what a Loop works with; all but the last two fields are required.
type Config struct {
	State     *state.State
	Source    *source.Source
	Telemetry *telemetry.Telemetry
	// Concurrency is how many scans run at once; zero or less: 8.
	Concurrency int
	// MaxShrink is the part of a set's tags that a listing may have lost without being held back, up to 1: all of them.
	// Zero: half.
	MaxShrink float64
}

// Owner says which objects are this replica's; *shard.Membership is one.
type Owner interface {
	Owns(key string) bool
	Changed() <-chan struct{}
}

// Loop scans what is due. It is safe for concurrent use.
type Loop struct {
	state       *state.State
	source      *source.Source
	logger      *slog.Logger
	instruments *instruments
	queue       *schedule.Queue
	ended       chan struct{}
	// confirmAfter, slowScan and secretsEvery are the constants' values; tests shorten them.
	confirmAfter, slowScan, secretsEvery time.Duration
	maxShrink                            float64

	mu      sync.Mutex
	owner   Owner
	known   map[object.Key]tracked
	waiting map[object.Key][]*request
}

// tracked is an object as the Loop last saw or scanned it.
type tracked struct {
	uid        string
	generation int64
	suspended  bool
	// next is when its next scan is due; zero: none is.
	next time.Time
	// why it is.
	why      origin.Trigger
	failures int
	// secrets are those that its scans use, and version is theirs as of the last one; empty: none yet.
	secrets []object.Key
	version string
}

func track(r state.Repository) tracked {
	meta := r.GetMetadata()
	return tracked{uid: meta.GetUid(), generation: meta.GetGeneration(), suspended: Suspended(r), secrets: source.References(r)}
}

// New makes a loop. Errors: an instrument that cannot be made.
func New(cfg Config) (*Loop, error) {
	l := &Loop{
		state: cfg.State, source: cfg.Source, logger: cfg.Telemetry.Logger(), ended: make(chan struct{}),
		confirmAfter: confirmAfter, slowScan: slowScan, secretsEvery: secretsEvery, maxShrink: cmp.Or(cfg.MaxShrink, defaultMaxShrink),
		known: map[object.Key]tracked{}, waiting: map[object.Key][]*request{},
	}
	var err error
	if l.instruments, err = newInstruments(cfg.Telemetry, cfg.State); err != nil {
		return nil, err
	}
	workers := cfg.Concurrency
	if workers <= 0 {
		workers = 8
	}
	l.queue = schedule.New(workers, l.run)
	return l, nil
}

// Run sweeps what an earlier process left, then scans until the context ends, and returns when the last scan has. The
// state's Repositories must be running.
func (l *Loop) Run(ctx context.Context, owner Owner) error {
	defer close(l.ended)
	l.mu.Lock()
	l.owner = owner
	l.mu.Unlock()
	l.sweep(ctx)
	var group lifecycle.Group
	group.Add("scans", l.queue.Run)
	group.Add("owned objects", l.followOwner)
	group.Add("objects", l.follow)
	group.Add("secrets", l.followSecrets)
	return group.Run(ctx)
}

func (l *Loop) sweep(ctx context.Context) {
	select {
	case <-l.state.Repositories.Ready():
	case <-ctx.Done():
		return
	}
	swept, err := l.state.Sweep(ctx)
	if err != nil && ctx.Err() == nil {
		// What is left takes room and does no harm; the next start tries again.
		l.logger.WarnContext(ctx, "sweeping tags that nothing refers to failed", "error", err)
	}
	if swept > 0 {
		l.logger.InfoContext(ctx, "swept tags that nothing refers to", "chunks", swept)
	}
}

// follow plans the scans of the objects as they come, change and go.
func (l *Loop) follow(ctx context.Context) error {
	for {
		err := l.followOnce(ctx)
		if ctx.Err() != nil || errors.Is(err, object.ErrShuttingDown) {
			return ctx.Err()
		}
		l.logger.WarnContext(ctx, "following the repositories was interrupted", "error", err)
		select {
		case <-time.After(resubscribe):
		case <-ctx.Done():
		}
	}
}

func (l *Loop) followOnce(ctx context.Context) error {
	subscription, err := l.state.Repositories.Subscribe(ctx, object.Filter{}, "")
	if err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	// The objects of the snapshot, until its checkpoint: what is not among them is gone.
	snapshot := map[object.Key]bool{}
	for {
		event, err := subscription.Next(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("following: %w", err)
		case event.Deleted != nil:
			l.gone(ctx, *event.Deleted)
		case event.Changed != nil:
			key := object.KeyOfMeta(event.Changed.GetMetadata())
			if snapshot != nil {
				snapshot[key] = true
			}
			l.observe(ctx, key, event.Changed)
		case event.Checkpoint && snapshot != nil:
			for _, key := range l.keys() {
				if !snapshot[key] {
					l.gone(ctx, key)
				}
			}
			snapshot = nil
		}
	}
}

func (l *Loop) keys() []object.Key {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := make([]object.Key, 0, len(l.known))
	for key := range l.known {
		keys = append(keys, key)
	}
	return keys
}

// observe plans an object's next scan if the object is new, or another one than was scanned last.
func (l *Loop) observe(ctx context.Context, key object.Key, r state.Repository) {
	now := track(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	was, known := l.known[key]
	sameObject := known && was.uid == now.uid
	unchanged := sameObject && was.generation == now.generation && was.suspended == now.suspended
	late := sameObject && was.generation > now.generation // a scan has seen a later one already
	if unchanged || late {
		return
	}
	if known && !sameObject {
		l.forget(ctx, key, was.uid)
	}
	if sameObject {
		now.version = was.version
	}
	now.next, now.why = due(r, l.state.CachedHead(key), time.Now())
	if sameObject && was.suspended && !now.suspended {
		now.next, now.why = time.Now(), origin.Spec // who resumes an object means it
	}
	l.known[key] = now
	l.queue.At(key.String(), now.next)
}

// gone forgets an object, and what a scan that was under way may have stored for it.
func (l *Loop) gone(ctx context.Context, key object.Key) {
	l.mu.Lock()
	was, known := l.known[key]
	delete(l.known, key)
	l.queue.At(key.String(), time.Time{})
	l.mu.Unlock()
	if known {
		l.forget(ctx, key, was.uid)
	}
}

func (l *Loop) forget(ctx context.Context, key object.Key, uid string) {
	if err := l.state.Forget(ctx, uid); err != nil {
		l.logger.WarnContext(ctx, "the tags of a deleted repository stay until the next start", "repository", key.String(), "error", err)
	}
}

// followOwner plans anew when the objects are shared out among other replicas.
func (l *Loop) followOwner(ctx context.Context) error {
	for {
		changed := l.owner.Changed()
		l.mu.Lock()
		for key, t := range l.known {
			t.next, t.why = l.afresh(key, t)
			l.known[key] = t
			l.queue.At(key.String(), t.next)
		}
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// afresh is when, and why, an object is due that may have been another replica's until now, which has scanned it meanwhile.
func (l *Loop) afresh(key object.Key, t tracked) (time.Time, origin.Trigger) {
	r, ok := l.state.Repositories.Cached(key)
	if !ok || t.next.IsZero() || t.next.After(time.Now()) || r.GetMetadata().GetUid() != t.uid {
		return t.next, t.why
	}
	return due(r, l.state.CachedHead(key), time.Now())
}

// run is called by the queue, never twice at once for one key.
func (l *Loop) run(ctx context.Context, text string) {
	namespace, name, _ := strings.Cut(text, "/")
	key := object.KeyOf(namespace, name)
	asked := l.take(key)
	planned := origin.Unknown
	if len(asked) == 0 {
		var isDue bool
		if planned, isDue = l.isDue(key); !isDue {
			return
		}
	}
	var outcome Outcome
	if err := lifecycle.Guard(func() error { outcome = l.traced(ctx, key, asked, planned); return nil }); err != nil {
		outcome = l.panicked(ctx, key, err)
	}
	l.finish(ctx, key, outcome)
	if ctx.Err() != nil && errors.Is(outcome.Err, context.Canceled) {
		outcome.Err = object.ErrShuttingDown
	}
	for _, r := range asked {
		r.answer <- outcome
	}
}

// isDue says whether the key's planned scan is due here, and why; if not, it is planned for when it is.
func (l *Loop) isDue(key object.Key) (origin.Trigger, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, known := l.known[key]
	switch {
	case !known || t.next.IsZero():
		return origin.Unknown, false
	case t.next.After(time.Now()):
		l.queue.At(key.String(), t.next)
		return origin.Unknown, false
	case !l.owner.Owns(key.String()):
		l.queue.At(key.String(), time.Now().Add(unownedRecheck))
		return origin.Unknown, false
	}
	return t.why, true
}

// finish plans the next scan.
func (l *Loop) finish(ctx context.Context, key object.Key, outcome Outcome) {
	if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	was, known := l.known[key]
	switch {
	case errors.Is(outcome.Err, object.ErrNotFound):
		return // who follows the objects hears of it
	case outcome.scanned == nil && !known:
		return
	case outcome.scanned == nil: // not readable now
		was.failures++
		was.next, was.why = time.Now().Add(backoff(was.failures)), origin.Retry
		l.known[key] = was
	case known && (was.uid != track(outcome.scanned).uid || was.generation > outcome.scanned.GetMetadata().GetGeneration()):
		// What was observed meanwhile is due for itself.
	default:
		now := track(outcome.scanned)
		now.version = cmp.Or(outcome.secrets, was.version)
		if outcome.Err != nil {
			now.failures = was.failures + 1
		}
		now.next, now.why = next(outcome.scanned, outcome.Err, now.failures, time.Now())
		if errors.Is(outcome.Err, ErrSuspended) {
			now.suspended, now.next = l.stillSuspended(key)
			now.why = origin.Spec
		} else if known && was.suspended && was.generation == now.generation {
			now.suspended, now.next = true, time.Time{} // it was suspended meanwhile; its end is to be seen as one
		}
		was = now
		l.known[key] = now
	}
	l.queue.At(key.String(), was.next)
}

// stillSuspended says whether an object rests that a scan found suspended, and when it is to be looked at again: where the
// cache has it otherwise, it is resumed already, or the cache does not know of the suspension yet.
func (l *Loop) stillSuspended(key object.Key) (bool, time.Time) {
	if r, ok := l.state.Repositories.Cached(key); ok && !Suspended(r) {
		return false, time.Now().Add(lookAgain)
	}
	return true, time.Time{}
}
