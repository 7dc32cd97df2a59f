// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

const patience = 20 * time.Second

// owner is a replica's, which a test gives and takes.
type owner struct {
	mu      sync.Mutex
	owns    bool
	changed chan struct{}
}

func newOwner(owns bool) *owner { return &owner{owns: owns, changed: make(chan struct{})} }

func (o *owner) Owns(string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.owns
}

func (o *owner) Changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

func (o *owner) set(owns bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owns = owns
	close(o.changed)
	o.changed = make(chan struct{})
}

// replica is one scanner's requests.
type replica struct {
	*Requests
	t     *testing.T
	store *store.Store
	stop  func()
}

func run(t *testing.T, st *store.Store, owner Owner, scan func(context.Context, object.Key, string) (Result, error)) *replica {
	t.Helper()
	r := New(Config{Store: st, Scan: scan, Logger: slog.New(slog.DiscardHandler)})
	r.timing = timing{settle: 50 * time.Millisecond, maxSettle: time.Second, apart: 100 * time.Millisecond, retryAfter: 10 * time.Millisecond}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, owner) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the requests ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return &replica{Requests: r, t: t, store: st, stop: stop}
}

func (r *replica) want(keys ...object.Key) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	if err := r.Want(ctx, keys, ""); err != nil {
		r.t.Fatal(err)
	}
}

func (r *replica) stored() int64 {
	r.t.Helper()
	resp, err := r.store.Client().Get(r.t.Context(), r.prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.Count
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: waited in vain", what)
		}
		select {
		case <-t.Context().Done():
		case <-time.After(time.Millisecond):
		}
	}
}

var app = object.Key{Namespace: "flux-system", Name: "app"}

func TestARequestIsScannedForAndForgotten(t *testing.T) {
	scans := make(chan object.Key, 10)
	r := run(t, storetest.Open(t), newOwner(true), func(_ context.Context, key object.Key, _ string) (Result, error) {
		scans <- key
		return Served, nil
	})
	r.want(app)
	if got := <-scans; got != app {
		t.Errorf("%s was scanned", got)
	}
	eventually(t, "the request to be gone", func() bool { return r.stored() == 0 })
}

func TestABurstIsOneWriteAndTwoScansAtMost(t *testing.T) {
	var scans atomic.Int64
	st := storetest.Open(t)
	r := run(t, st, newOwner(true), func(context.Context, object.Key, string) (Result, error) {
		scans.Add(1)
		return Unchanged, nil
	})
	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			for range 20 {
				r.want(app)
			}
		})
	}
	asking.Wait()
	eventually(t, "all requests to be served", func() bool { return r.stored() == 0 })
	if got := scans.Load(); got < 1 || got > 2 {
		t.Errorf("%d scans", got)
	}
}

func TestEachRequestHasAScanThatBeginsAfterIt(t *testing.T) {
	// Whoever asks notes a number; a scan sees the highest one that was asked before it began.
	var asked, seen atomic.Int64
	r := run(t, storetest.Open(t), newOwner(true), func(context.Context, object.Key, string) (Result, error) {
		seen.Store(asked.Load())
		return Served, nil
	})
	for round := range 30 {
		asked.Add(1)
		r.want(app)
		if round%3 == 0 {
			eventually(t, fmt.Sprintf("a scan after request %d", round), func() bool { return seen.Load() == asked.Load() })
		}
	}
	eventually(t, "the last scan", func() bool { return seen.Load() == 30 })
}

func TestAScanThatDidNotComeAboutIsTriedAgain(t *testing.T) {
	var scans atomic.Int64
	r := run(t, storetest.Open(t), newOwner(true), func(context.Context, object.Key, string) (Result, error) {
		switch scans.Add(1) {
		case 1:
			return Prevented, errors.New("the store is away")
		case 2:
			panic("a defect")
		default:
			return Served, nil
		}
	})
	r.want(app)
	eventually(t, "the third try", func() bool { return scans.Load() == 3 && r.stored() == 0 })
}

func TestAScanThatFoundNothingIsFollowedByOneMore(t *testing.T) {
	var scans atomic.Int64
	r := run(t, storetest.Open(t), newOwner(true), func(context.Context, object.Key, string) (Result, error) {
		scans.Add(1)
		return Unchanged, nil
	})
	r.want(app)
	eventually(t, "both scans", func() bool { return r.stored() == 0 })
	if got := scans.Load(); got != 2 {
		t.Errorf("%d scans", got)
	}
}

func TestAnotherReplicaScansWhatOneWasAsked(t *testing.T) {
	st := storetest.Open(t)
	var scans atomic.Int64
	never := func(context.Context, object.Key, string) (Result, error) {
		t.Error("a replica scans what is not its own")
		return Served, nil
	}
	asked := run(t, st, newOwner(false), never)
	run(t, st, newOwner(true), func(context.Context, object.Key, string) (Result, error) {
		scans.Add(1)
		return Served, nil
	})
	for range 3 {
		before := scans.Load()
		asked.want(app)
		eventually(t, "the other's scan", func() bool { return scans.Load() > before && asked.stored() == 0 })
	}
}

func TestARequestMovesWithItsOwner(t *testing.T) {
	var scans atomic.Int64
	owner := newOwner(false)
	r := run(t, storetest.Open(t), owner, func(context.Context, object.Key, string) (Result, error) {
		scans.Add(1)
		return Served, nil
	})
	r.want(app)
	if r.stored() != 1 || scans.Load() != 0 {
		t.Fatalf("%d stored, %d scans", r.stored(), scans.Load())
	}
	owner.set(true)
	eventually(t, "the scan", func() bool { return scans.Load() == 1 && r.stored() == 0 })
}

func TestManyRepositoriesAreWrittenTogether(t *testing.T) {
	var scans atomic.Int64
	r := run(t, storetest.Open(t), newOwner(true), func(context.Context, object.Key, string) (Result, error) {
		scans.Add(1)
		return Served, nil
	})
	var keys []object.Key
	for i := range 350 {
		keys = append(keys, object.Key{Namespace: "flux-system", Name: fmt.Sprintf("app-%d", i)})
	}
	r.want(keys...)
	eventually(t, "all scans", func() bool { return scans.Load() == 350 && r.stored() == 0 })
}

func TestNothingIsAcceptedAfterTheEnd(t *testing.T) {
	r := run(t, storetest.Open(t), newOwner(true), func(context.Context, object.Key, string) (Result, error) { return Served, nil })
	r.stop()
	if err := r.Want(t.Context(), []object.Key{app}, ""); !errors.Is(err, object.ErrShuttingDown) {
		t.Errorf("the error is %v", err)
	}
}
