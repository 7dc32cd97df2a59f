// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/tidemark-io/tidemark/platform/store"
)

const (
	defaultMaxInFlight = 8
	// idleAfter is when a budget that nobody uses is forgotten.
	idleAfter = time.Hour
	// maxBudgets bounds them: a registry may redirect to any number of hosts. Beyond it the one that was used the longest
	// ago is forgotten, unless it is in use; one with a pause last.
	maxBudgets = 4096
)

// Config is what Hosts work with.
type Config struct {
	// Store is the program's; what replicas share is kept there. Nil: nothing is shared.
	Store *store.Store
	// Logger hears of hosts that go down and come back. Nil: nobody does.
	Logger *slog.Logger
	// Meter makes the metrics. Nil: there are none.
	Meter metric.Meter
	// MaxInFlight is how many requests are under way at once per host and credential; zero or less: 8.
	MaxInFlight int
	// FirstPause is how long a host is left alone at first that is down, or that asked for a pause without saying how long;
	// it is doubled each time, up to five minutes. Zero: 10 s.
	FirstPause time.Duration
}

// Hosts are the budgets of all hosts. They are safe for concurrent use.
type Hosts struct {
	logger      *slog.Logger
	maxInFlight int
	instruments *instruments
	shared      *shared // nil: nothing is

	// fingerprint is the key that makes names of credentials; it is the replicas' own once opened.
	fingerprint atomic.Pointer[string]
	opened      atomic.Bool
	rules       rules

	mu      sync.Mutex
	budgets map[key]*budget
	labels  map[string]bool // hosts that metrics name
}

// key is what has a budget of its own.
type key struct{ host, credential string }

// New makes budgets, none of which is limited. It touches neither store nor network. Errors: an instrument that cannot be
// made.
func New(cfg Config) (*Hosts, error) {
	h := &Hosts{
		logger: cfg.Logger, maxInFlight: cfg.MaxInFlight, rules: defaultRules(),
		budgets: map[key]*budget{}, labels: map[string]bool{},
	}
	own := rand.Text()
	h.fingerprint.Store(&own)
	if cfg.FirstPause > 0 {
		h.rules.first = cfg.FirstPause
	}
	if h.logger == nil {
		h.logger = slog.New(slog.DiscardHandler)
	}
	if h.maxInFlight <= 0 {
		h.maxInFlight = defaultMaxInFlight
	}
	if cfg.Store != nil {
		h.shared = newShared(cfg.Store)
	}
	var err error
	if h.instruments, err = newInstruments(cfg.Meter, h); err != nil {
		return nil, err
	}
	return h, nil
}

// Request is what a turn is asked for.
type Request struct {
	// Host that the request goes to, with its port where that is not the scheme's.
	Host string
	// Credential is a name that Hosts.Credential made; empty: Anonymous.
	Credential string
	// Repository is on whose behalf: repositories take turns. With its registry, for example `ghcr.io/org/app`.
	Repository string
	// Patience is how long a pause may be for the request to wait for its end. A pause beyond it, or beyond the context's
	// deadline, is an error at once. Zero or less: no pause is waited for. Turns are waited for until the context ends.
	Patience time.Duration
}

// Acquire waits until the request may be sent. The caller calls release, once or more often, when the answer has been read
// to its end or there will be none: only the first call counts. Errors: *PauseError; the context's.
func (h *Hosts) Acquire(ctx context.Context, request Request) (release func(Outcome), err error) {
	began := time.Now()
	w := &waiter{repository: request.Repository, patience: began.Add(max(request.Patience, 0)), done: make(chan struct{})}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(w.patience) {
		w.patience = deadline
	}
	h.mu.Lock()
	b := h.budget(request)
	b.queue.push(w)
	b.used = began
	label := b.labelled()
	h.dispatch(b)
	h.mu.Unlock()
	select {
	case <-w.done:
	case <-ctx.Done():
		if h.withdraw(b, w) {
			return nil, fmt.Errorf("waiting for a turn at %s: %w", request.Host, ctx.Err())
		}
	}
	if w.refused != nil {
		h.instruments.refused(ctx, label)
		return nil, w.refused
	}
	h.instruments.waited(ctx, label, time.Since(began))
	var once sync.Once
	ctx = context.WithoutCancel(ctx)
	return func(outcome Outcome) { once.Do(func() { h.release(ctx, b, w, outcome) }) }, nil
}

// withdraw takes one who waits out of the line; false: its turn has come, or the refusal.
func (h *Hosts) withdraw(b *budget, w *waiter) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-w.done:
		return false
	default:
		b.queue.remove(func(other *waiter) bool { return other == w })
		return true
	}
}

func (h *Hosts) release(ctx context.Context, b *budget, w *waiter, outcome Outcome) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	b.inFlight--
	b.used = now
	was := b.state(now)
	verdict := b.learn(h.rules, w, outcome, now)
	h.instruments.answered(ctx, b.labelled(), verdict)
	if is := b.state(now); is != was {
		h.logger.InfoContext(ctx, "a registry's host changed", "host", b.host, "credential", b.credential, "state", is, "reason", b.lastError)
	}
	if h.shared != nil && b.worthSharing(now) {
		h.shared.push(b.key(), b.record())
	}
	h.dispatch(b)
}

// dispatch gives turns to those who wait while there are any to give, and refuses those who would not wait as long as it
// takes. The lock is held.
func (h *Hosts) dispatch(b *budget) {
	for b.queue.repositories() > 0 {
		now := time.Now()
		if until := b.heldUntil(now); until.After(now) {
			pause := b.pause(until)
			b.queue.remove(func(w *waiter) bool { return w.refuseBefore(until, pause) })
			h.wakeAt(b, until)
			return
		}
		if until := b.pacedUntil(h.rules, now); until.After(now) {
			h.wakeAt(b, until)
			return
		}
		if b.inFlight >= h.maxInFlight || b.down() && b.probing {
			return
		}
		b.send(b.queue.pop(), now)
	}
}

// wakeAt dispatches again at a time, if somebody waits still.
func (h *Hosts) wakeAt(b *budget, at time.Time) {
	if b.queue.repositories() == 0 {
		return
	}
	if b.wake != nil {
		b.wake.Stop()
	}
	b.wake = time.AfterFunc(time.Until(at), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.dispatch(b)
	})
}

// budget finds or makes the budget of a request. The lock is held.
func (h *Hosts) budget(request Request) *budget {
	k := key{host: strings.ToLower(request.Host), credential: cmp.Or(request.Credential, Anonymous)}
	b, known := h.budgets[k]
	if !known {
		b = h.add(k)
	}
	if b.label == "" && strings.HasPrefix(request.Repository, k.host+"/") {
		b.label = h.labelOf(k.host)
	}
	return b
}

func (h *Hosts) add(k key) *budget {
	h.forgetIdle(time.Now())
	b := &budget{host: k.host, credential: k.credential, used: time.Now()}
	h.budgets[k] = b
	return b
}

// forgetIdle makes room for one more budget.
func (h *Hosts) forgetIdle(now time.Time) {
	var oldest, oldestHeld *budget
	for k, b := range h.budgets {
		held := b.heldUntil(now).After(now)
		switch {
		case b.busy():
		case !held && now.Sub(b.used) > idleAfter:
			delete(h.budgets, k)
		case !held && (oldest == nil || b.used.Before(oldest.used)):
			oldest = b
		case held && (oldestHeld == nil || b.used.Before(oldestHeld.used)):
			oldestHeld = b
		}
	}
	if leaves := cmp.Or(oldest, oldestHeld); len(h.budgets) >= maxBudgets && leaves != nil {
		delete(h.budgets, leaves.key())
	}
}

// Host is how a budget is doing.
type Host struct {
	// Host and Credential say whose budget it is.
	Host, Credential string
	// State is whether requests are sent.
	State State
	// InFlight requests are under way, of MaxInFlight at most; Waiting repositories wait for a turn.
	InFlight, MaxInFlight, Waiting int
	// Window is what the host's headers said last; zero: nothing.
	Window Window
	// Retry is when requests are sent again; zero: they are.
	Retry time.Time
	// Failures is how often in a row the host failed or asked for a pause.
	Failures int
	// LastError is the last of them, in a few words; empty: none since it answered.
	LastError string
}

// List returns all budgets that were used lately, by host and credential.
func (h *Hosts) List() []Host {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgetIdle(now)
	list := make([]Host, 0, len(h.budgets))
	for b := range maps.Values(h.budgets) {
		host := Host{
			Host: b.host, Credential: b.credential, State: b.state(now),
			InFlight: b.inFlight, MaxInFlight: h.maxInFlight, Waiting: b.queue.repositories(),
			Window: b.window, Failures: b.failures + b.limited, LastError: b.lastError,
		}
		if until := b.heldUntil(now); until.After(now) {
			host.Retry = until
		}
		if reset := host.Window.Reset; !reset.IsZero() && !reset.After(now) {
			host.Window = Window{}
		}
		list = append(list, host)
	}
	slices.SortFunc(list, func(a, b Host) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Credential, b.Credential))
	})
	return list
}
