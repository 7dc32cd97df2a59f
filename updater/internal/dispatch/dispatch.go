// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package dispatch says when automations run, and why: on a change of a policy's choice, of the automation or of its
// source, on the interval, when somebody asks, and again after a failure. Automations that push to one branch of one remote
// with one credential are a group: those that are due run together, and no two runs of a group are under way at once. What a
// run does is package run's.
//
//	policies ----\
//	automations --> entries (due, why) --> groups --> queue --> run.Runner
//	sources -----/                                     \-- what came of it: due again
package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

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
)

// Ownership says which groups are this replica's: shard.Membership.
type Ownership interface {
	Owns(key string) bool
	Changed() <-chan struct{}
}

// Runner runs the automations of a group together, and says what came of each, in their order: run.Runner.
type Runner interface {
	Run(ctx context.Context, members []run.Member) []run.Outcome
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
	groups  map[string]*group
	// sources are those that were told of, so that a change of their status alone makes no run.
	sources map[object.Key]sourceVersion
	// started is closed when entries are filled from the store for the first time.
	started chan struct{}
}

// entry is one automation.
type entry struct {
	key object.Key
	version
	spec  spec.Automation
	valid bool
	// group is what the automation runs together with.
	group string
	// due is zero where nothing is planned; trigger says why.
	due     time.Time
	trigger updaterv1.RunTrigger
	// gathers says that the run waits for more changes of policies.
	gathers  bool
	running  bool
	failures int
	waiters  []*waiter
	// held are the policies because of which values are held back.
	held holds
	// reworded are the policies that changed during the run in what may let go of held values, and in nothing else.
	reworded []object.Key
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
		Config: cfg, entries: map[object.Key]*entry{}, groups: map[string]*group{}, sources: map[object.Key]sourceVersion{},
		started: make(chan struct{}),
	}
	d.queue = schedule.New(cfg.Concurrency, d.runGroup)
	return d
}
