// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"math/rand/v2"
	"time"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

const (
	// A run that failed is tried again after the first, then twice as long each time, up to the last, or the interval.
	firstRetry = 5 * time.Second
	lastRetry  = 10 * time.Minute
	// lookAgain is when a run is tried again whose objects the cache has otherwise than the run found them.
	lookAgain = 100 * time.Millisecond
)

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
		case run.Invalid, run.Gone, run.CutOff, run.TooLarge:
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
