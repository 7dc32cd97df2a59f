// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/platform/watch"
)

const (
	// settle is how long it must be quiet before the scan that follows another one closely; maxSettle bounds the wait.
	settle    = time.Second
	maxSettle = 10 * time.Second
	// apart is how long after a scan's end a request is scanned for at once.
	apart = 2 * time.Second
	// retryAfter is when a scan is asked for again that did not come about.
	retryAfter = 5 * time.Second
	tidyEvery  = time.Minute
	segment    = "/requests/"
)

// Owner says which repositories are this replica's; *shard.Membership is one.
type Owner interface {
	Owns(key string) bool
	Changed() <-chan struct{}
}

// Config is what Requests work with. Every field is required.
type Config struct {
	// Store is the scanner's part of the store.
	Store *store.Store
	// Scan scans a repository after the call, and returns when that has ended. by is who has asked first, as it was told
	// to Want; empty: that is not known. The error is for the log.
	Scan   func(ctx context.Context, key object.Key, by string) (Result, error)
	Logger *slog.Logger
}

// Result is what a scan made of a request.
type Result int

// The results.
const (
	// Prevented: the scan did not come about, and nobody else will try it again.
	Prevented Result = iota
	// Served: it found something new, or failed and will be tried again by whoever scans.
	Served
	// Unchanged: it found nothing new. Registries tell of a push before its tag is listed (the CNCF one does, by some
	// milliseconds), so a scan that began at once is followed by another one, a moment later.
	Unchanged
)

// Requests are those of all repositories. It is safe for concurrent use.
type Requests struct {
	client *clientv3.Client
	prefix string
	scan   func(ctx context.Context, key object.Key, by string) (Result, error)
	logger *slog.Logger
	cache  *watch.Cache[object.Key, wanted]
	wake   chan struct{}
	timing timing

	mu      sync.Mutex
	owner   Owner // nil before Run
	ended   bool
	entries map[object.Key]*entry
	next    *batch
	// working are the goroutines that scan.
	working sync.WaitGroup
}

// timing are the constants' values; tests shorten them.
type timing struct{ settle, maxSettle, apart, retryAfter time.Duration }

// wanted is a request as it is stored.
type wanted struct {
	TraceParent string `json:"traceparent,omitempty"`
	TraceState  string `json:"tracestate,omitempty"`
	// By is who asks; one that an earlier version has written down has none.
	By string `json:"by,omitempty"`

	revision int64
}

func (w wanted) trace() *metav1.TraceContext {
	return &metav1.TraceContext{Traceparent: w.TraceParent, Tracestate: w.TraceState}
}

// New makes the requests; they are worked on while Run runs.
func New(cfg Config) *Requests {
	r := &Requests{
		client: cfg.Store.Client(), prefix: cfg.Store.Prefix() + segment, scan: cfg.Scan, logger: cfg.Logger,
		wake: make(chan struct{}, 1), entries: map[object.Key]*entry{}, next: newBatch(),
		timing: timing{settle: settle, maxSettle: maxSettle, apart: apart, retryAfter: retryAfter},
	}
	r.cache = watch.New(watch.Config[object.Key, wanted]{
		Client: r.client, Prefix: r.prefix, Group: group, Compose: compose, Logger: cfg.Logger,
	})
	return r
}

func group(relative string) (object.Key, bool) {
	namespace, name, ok := strings.Cut(relative, "/")
	return object.Key{Namespace: namespace, Name: name}, ok && namespace != "" && name != "" && !strings.Contains(name, "/")
}

// compose reads a request; one that cannot be read is one all the same, of no trace.
func compose(_ object.Key, members map[string]watch.KV) (wanted, bool) {
	for _, kv := range members {
		var w wanted
		if err := json.Unmarshal(kv.Value, &w); err != nil {
			w = wanted{}
		}
		w.revision = kv.ModRevision
		return w, true
	}
	return wanted{}, false
}

// Run writes requests down and has them scanned until the context ends, and returns when the scans have ended that it
// asked for.
func (r *Requests) Run(ctx context.Context, owner Owner) error {
	r.mu.Lock()
	r.owner = owner
	r.mu.Unlock()
	var group lifecycle.Group
	group.Add("stored requests", r.cache.Run)
	group.Add("request writer", r.write)
	group.Add("requests", r.follow)
	err := group.Run(ctx)
	r.mu.Lock()
	r.ended = true
	r.next.fail(object.ErrShuttingDown)
	r.next = newBatch()
	r.mu.Unlock()
	r.working.Wait()
	return err
}

// Want asks for a scan of each repository that begins after this call, in the name of whoever it is by. When it returns nil that is written down. Errors:
// store.ErrUnavailable, object.ErrShuttingDown, the context's.
func (r *Requests) Want(ctx context.Context, keys []object.Key, by string) error {
	trace := telemetry.Inject(ctx)
	asked := wanted{TraceParent: trace.GetTraceparent(), TraceState: trace.GetTracestate(), By: by}
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		return object.ErrShuttingDown
	}
	joined := r.next
	news := false
	for _, key := range keys {
		if r.entry(key).ask(time.Now(), r.timing) && r.owner != nil && r.owner.Owns(key.String()) {
			continue
		}
		joined.add(key, asked)
		news = true
	}
	r.mu.Unlock()
	if !news {
		return nil
	}
	notify(r.wake)
	select {
	case <-joined.done:
		return joined.err
	case <-ctx.Done():
		return fmt.Errorf("writing the request down: %w", ctx.Err())
	}
}

// follow has what is stored scanned, as it comes and as it becomes this replica's.
func (r *Requests) follow(ctx context.Context) error {
	select {
	case <-r.cache.Ready():
	case <-ctx.Done():
		return nil
	}
	tidy := time.NewTicker(tidyEvery)
	defer tidy.Stop()
	for {
		moved := r.owner.Changed()
		items, revision := r.cache.Snapshot()
		stored := make(map[object.Key]bool, len(items))
		for _, item := range items {
			stored[item.ID] = true
			r.see(ctx, item.ID, item.Value)
		}
		for _, key := range r.known() {
			if !stored[key] {
				r.gone(key, revision)
			}
		}
		if err := r.followFrom(ctx, revision, moved, tidy.C); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// followFrom returns when a snapshot is to be looked at again.
func (r *Requests) followFrom(ctx context.Context, revision int64, moved <-chan struct{}, tidy <-chan time.Time) error {
	for {
		changes, err := r.cache.Since(revision)
		if errors.Is(err, watch.ErrBehind) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("following the requests: %w", err)
		}
		for _, item := range changes.Items {
			if item.Present {
				r.see(ctx, item.ID, item.Value)
				continue
			}
			r.gone(item.ID, changes.Revision)
		}
		revision = changes.Revision
		select {
		case <-changes.More:
		case <-moved:
			return nil
		case <-tidy:
			r.tidy()
		case <-r.cache.Done():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// see takes note of a stored request, and starts its scan where that is this replica's.
func (r *Requests) see(ctx context.Context, key object.Key, w wanted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entry(key)
	e.written(w, time.Now(), r.timing)
	if e.running || !e.waits() || !r.owner.Owns(key.String()) {
		return
	}
	e.running = true
	r.working.Go(func() { r.work(ctx, key, e) })
}

func (r *Requests) known() []object.Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.entries))
}

// gone takes note that what was stored of a repository up to a revision is served.
func (r *Requests) gone(key object.Key, revision int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.entries[key]; ok && e.request.revision <= revision {
		e.begun = max(e.begun, e.request.revision)
	}
}

func (r *Requests) entry(key object.Key) *entry {
	e, ok := r.entries[key]
	if !ok {
		e = &entry{}
		r.entries[key] = e
	}
	return e
}

// tidy forgets the repositories of which there is nothing to remember.
func (r *Requests) tidy() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, e := range r.entries {
		if !e.running && !e.waits() && time.Since(e.ended) > tidyEvery && time.Since(e.lastAsked) > tidyEvery {
			delete(r.entries, key)
		}
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
