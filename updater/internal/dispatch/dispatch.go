// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package dispatch says when automations run, and why: on a change of a policy's choice, of the automation or of its
// source, on the interval, when somebody asks, and again after a failure. Automations that push to one branch of one remote
// with one credential are a group, and run one after another. What a run does is package run's.
//
//	policies ----\
//	automations --> entries (due, why) --> groups --> queue --> run.Runner
//	sources -----/                                     \-- what came of it: due again
package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/schedule"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

const (
	// DefaultSettle is how long changes of policies gather after the last one.
	DefaultSettle = time.Second
	// DefaultConcurrency is how many groups run at once.
	DefaultConcurrency = 4
	// DefaultDrain is how long a run that is under way may go on when the process stops.
	DefaultDrain = 10 * time.Second
	// maxGather bounds how long changes that never pause gather, in settle times.
	maxGather = 5
	// A run that failed is tried again after the first, then twice as long each time, up to the last, or the interval.
	firstRetry = 5 * time.Second
	lastRetry  = 10 * time.Minute
	// lookAgain is when a run is tried again whose objects the cache has otherwise than the run found them.
	lookAgain = 100 * time.Millisecond
)

// Ownership says which groups are this replica's: shard.Membership.
type Ownership interface {
	Owns(key string) bool
	Changed() <-chan struct{}
}

// Runner runs one automation: run.Runner.
type Runner interface {
	Run(ctx context.Context, key object.Key, request run.Request) run.Outcome
}

// Policies are the resolver's answers: policies.Follower.
type Policies interface {
	In(namespace string) map[string]*policies.Policy
	Ready() <-chan struct{}
	Check(ctx context.Context) error
}

// Config says what a dispatcher works with. All is required but the numbers, whose zero values mean the defaults.
type Config struct {
	Automations  *state.Automations
	Repositories *state.Repositories
	Runs         *state.Runs
	Policies     Policies
	Runner       Runner
	Logger       *slog.Logger
	Settle       time.Duration
	Drain        time.Duration
	Concurrency  int
}

// Dispatcher says when automations run. It is safe for concurrent use.
type Dispatcher struct {
	Config
	owner Ownership
	queue *schedule.Queue

	mu      sync.Mutex
	entries map[object.Key]*entry
	groups  map[string]map[*entry]struct{}
	// sources are those that were told of, so that a change of their status alone makes no run.
	sources map[object.Key]version
	// started is closed when entries are filled from the store for the first time.
	started chan struct{}
}

// version is what of an object makes a run.
type version struct {
	uid        string
	generation int64
	suspended  bool
}

// entry is one automation.
type entry struct {
	key object.Key
	version
	spec  spec.Automation
	valid bool
	// group is what the automation runs one after another with.
	group string
	// due is zero where nothing is planned; trigger says why.
	due     time.Time
	trigger updaterv1.RunTrigger
	running bool
	// changed is when a policy last changed, gathering when the changes that wait began to.
	changed, gathering time.Time
	failures           int
	waiters            []*waiter
}

// New makes a dispatcher. It does nothing before Run.
func New(cfg Config) *Dispatcher {
	if cfg.Settle <= 0 {
		cfg.Settle = DefaultSettle
	}
	if cfg.Drain <= 0 {
		cfg.Drain = DefaultDrain
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	d := &Dispatcher{
		Config: cfg, entries: map[object.Key]*entry{}, groups: map[string]map[*entry]struct{}{}, sources: map[object.Key]version{},
		started: make(chan struct{}),
	}
	d.queue = schedule.New(cfg.Concurrency, d.runGroup)
	return d
}

// runGroup runs the automations of a group that are due, one after another.
func (d *Dispatcher) runGroup(ctx context.Context, group string) {
	draining, cancel := d.draining(ctx)
	defer cancel()
	for ctx.Err() == nil {
		e, trigger, waiters := d.next(group)
		if e == nil {
			break
		}
		d.runOne(draining, e, trigger, waiters)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plan(group)
}

// draining gives what is under way when the context ends some time to end as well.
func (d *Dispatcher) draining(ctx context.Context) (context.Context, context.CancelFunc) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d.Drain, cancel) })
	return own, func() { stop(); cancel() }
}

// next takes the automation of the group that is due first, and marks it as running. It says why, and who waits for it.
func (d *Dispatcher) next(group string) (*entry, updaterv1.RunTrigger, []*waiter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	var first *entry
	for e := range d.groups[group] {
		if !e.running && !e.due.IsZero() && !e.due.After(now) && (first == nil || e.due.Before(first.due)) {
			first = e
		}
	}
	if first == nil {
		return nil, 0, nil
	}
	waiters := first.waiters
	first.running, first.due, first.gathering, first.waiters = true, time.Time{}, time.Time{}, nil
	return first, first.trigger, waiters
}

func (d *Dispatcher) runOne(ctx context.Context, e *entry, trigger updaterv1.RunTrigger, waiters []*waiter) {
	request := run.Request{Trigger: trigger}
	if len(waiters) > 0 {
		request.Trigger = updaterv1.RunTrigger_RUN_TRIGGER_REQUEST
		request.Step = func(sentence string) { step(waiters, sentence) }
		if asked := waiters[0].span; asked.IsValid() {
			ctx = trace.ContextWithRemoteSpanContext(ctx, asked)
		}
	}
	outcome := d.Runner.Run(ctx, e.key, request)
	for _, w := range waiters {
		w.done <- outcome
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e.running = false
	d.planNext(e, outcome)
	d.plan(e.group)
}

// planNext says when an automation runs again after a run, unless something has asked for an earlier run meanwhile.
func (d *Dispatcher) planNext(e *entry, outcome run.Outcome) {
	wait, trigger := outcome.Interval, updaterv1.RunTrigger_RUN_TRIGGER_INTERVAL
	if outcome.Failure == nil {
		e.failures = 0
	} else {
		switch outcome.Failure.Kind {
		case run.Failed:
			e.failures++
			wait, trigger = retryAfter(e.failures, outcome.Interval), updaterv1.RunTrigger_RUN_TRIGGER_RETRY
		case run.NotReady:
			if d.missedSource(e) {
				e.failures++
				wait, trigger = min(lookAgain<<min(e.failures, 10), retryAfter(e.failures, outcome.Interval)), updaterv1.RunTrigger_RUN_TRIGGER_RETRY
			}
		case run.Suspended:
			if !d.missedSuspension(e) {
				return
			}
			wait, trigger = lookAgain, updaterv1.RunTrigger_RUN_TRIGGER_RETRY
		case run.Denied:
			e.failures = 0
		case run.Invalid, run.Gone, run.CutOff:
			return
		}
	}
	if wait > 0 {
		d.want(e, time.Now().Add(wait), trigger)
	}
}

// missedSuspension notes that a run found its automation suspended, which the follower may never hear of: what is
// suspended and resumed at once is one event, with nothing changed. It says whether the automation is resumed already, or
// the cache does not know of the suspension yet; else its end will be an event that makes a run. The caller holds the lock.
func (d *Dispatcher) missedSuspension(e *entry) bool {
	if a, ok := d.Automations.Cached(e.key); ok && !state.AutomationSuspended(a) {
		return true
	}
	e.suspended = true
	return false
}

// missedSource is missedSuspension for a source that a run found absent or suspended.
func (d *Dispatcher) missedSource(e *entry) bool {
	delete(d.sources, e.spec.Source) // so that its next event makes a run, whatever is in it
	r, ok := d.Repositories.Cached(e.spec.Source)
	return ok && !state.RepositorySuspended(r)
}

func retryAfter(failures int, interval time.Duration) time.Duration {
	most := lastRetry
	if interval > 0 {
		most = min(interval, lastRetry)
	}
	wait := most
	if failures < 10 { // beyond, the shift is larger than lastRetry anyway
		wait = min(firstRetry<<(failures-1), most)
	}
	return wait - rand.N(wait/10+1) // #nosec G404 -- spreads load, guards nothing
}

// want plans a run, unless an earlier one is planned. What is due earlier says why.
func (d *Dispatcher) want(e *entry, due time.Time, trigger updaterv1.RunTrigger) {
	if e.due.IsZero() || due.Before(e.due) {
		e.due, e.trigger = due, trigger
	}
}

// plan tells the queue when the group is due. The caller holds the lock.
func (d *Dispatcher) plan(group string) {
	var first time.Time
	for e := range d.groups[group] {
		if !e.running && !e.due.IsZero() && (first.IsZero() || e.due.Before(first)) {
			first = e.due
		}
	}
	if first.IsZero() {
		d.queue.Forget(group)
		return
	}
	d.queue.At(group, first)
}

// groupOf names the group of an automation: who pushes where, and as whom.
func (d *Dispatcher) groupOf(a spec.Automation) string {
	source, ok := d.Repositories.Cached(a.Source)
	if !ok {
		return "absent " + a.Source.String()
	}
	branch := a.PushBranch
	if branch == "" && a.Checkout != nil {
		branch = a.Checkout.Branch
	} else if branch == "" {
		branch = source.GetSpec().GetRef().GetBranch()
	}
	credential := ""
	if name := source.GetSpec().GetSecretRef().GetName(); name != "" {
		credential = a.Source.Namespace + "/" + name
	}
	sum := sha256.Sum256([]byte(source.GetSpec().GetUrl() + "\x00" + branch + "\x00" + credential))
	return hex.EncodeToString(sum[:16])
}
