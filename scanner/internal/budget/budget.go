// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"math/rand/v2"
	"time"
)

// State is whether requests are sent to a host.
type State string

const (
	// StateUnknown is that of a host that has never answered.
	StateUnknown State = "unknown"
	// StateOK is that of one that requests are sent to.
	StateOK State = "ok"
	// StateLimited is that of one that asked for a pause, or whose window is used up.
	StateLimited State = "limited"
	// StateDown is that of one that fails: one request in a while finds out whether it is back.
	StateDown State = "down"
)

// rules are the numbers that a budget goes by.
type rules struct {
	// threshold is how many failures in a row make a host one that is down.
	threshold int
	// first is how long a host is left alone that is down, or that asked for a pause without saying how long; doubled each
	// time up to last.
	first, last time.Duration
	// maxGap bounds the gap between two requests that are spread over the rest of a window: it evens out the end of a
	// window, and is not to keep scans waiting for hours.
	maxGap time.Duration
}

func defaultRules() rules {
	return rules{threshold: 5, first: 10 * time.Second, last: 5 * time.Minute, maxGap: 2 * time.Second}
}

// backoff is how long to wait after so many failures.
func (r rules) backoff(failures int) time.Duration {
	wait := r.first
	for i := 1; i < failures && wait < r.last; i++ {
		wait *= 2
	}
	return min(wait, r.last)
}

// budget is one host's for one credential. The Hosts' lock is held where it is used.
type budget struct {
	host, credential string
	label            string // the host's in metrics; empty: "other"

	queue    queue
	inFlight int
	used     time.Time
	sent     time.Time // the last request
	answered bool
	wake     *time.Timer

	pausedUntil time.Time
	window      Window
	// limited is how many pauses it asked for in a row; limitedAt when it last did.
	limited   int
	limitedAt time.Time

	// failures in a row; downs is how often in a row it was found to be down, downUntil when it is tried again. Zero: it is
	// not down.
	failures, downs int
	downUntil       time.Time
	probing         bool
	lastError       string

	// told is what other replicas know.
	told record
}

// waiter is one request that waits for its turn, or has it.
type waiter struct {
	repository string
	// patience is the latest end of a pause that is waited for.
	patience time.Time
	// done is closed when the turn has come, or refused is set.
	done    chan struct{}
	refused *PauseError
	sent    time.Time
	probe   bool
}

// refuseBefore refuses one who would not wait until then.
func (w *waiter) refuseBefore(until time.Time, pause *PauseError) bool {
	if !w.patience.Before(until) {
		return false
	}
	w.refused = pause
	close(w.done)
	return true
}

func (b *budget) key() key { return key{host: b.host, credential: b.credential} }

func (b *budget) down() bool { return !b.downUntil.IsZero() }

func (b *budget) busy() bool { return b.inFlight > 0 || b.queue.repositories() > 0 }

// send lets one go.
func (b *budget) send(w *waiter, now time.Time) {
	w.sent, w.probe = now, b.down()
	b.inFlight++
	b.sent = now
	b.probing = b.probing || w.probe
	if b.window.Remaining > 0 {
		b.window.Remaining--
	}
	close(w.done)
}

// heldUntil is when requests may be sent again; a time that is over: they may.
func (b *budget) heldUntil(now time.Time) time.Time {
	until := b.limitedUntil(now)
	if b.downUntil.After(until) {
		until = b.downUntil
	}
	return until
}

func (b *budget) limitedUntil(now time.Time) time.Time {
	until := b.pausedUntil
	if b.window.Remaining == 0 && b.window.Reset.After(now) && b.window.Reset.After(until) {
		until = b.window.Reset
	}
	return until
}

// pacedUntil spreads what is left of a window once little of it is: a tenth.
func (b *budget) pacedUntil(r rules, now time.Time) time.Time {
	w := b.window
	if !w.Reset.After(now) || w.Remaining*10 > w.Limit {
		return time.Time{}
	}
	gap := w.Reset.Sub(now) / time.Duration(w.Remaining+1)
	return b.sent.Add(min(gap, r.maxGap))
}

func (b *budget) pause(until time.Time) *PauseError {
	p := &PauseError{Host: b.host, Until: until, Reason: b.lastError, Kind: ErrLimited}
	switch {
	case b.downUntil.Equal(until):
		p.Kind = ErrDown
	case p.Reason == "":
		p.Reason = "its RateLimit headers say that no requests are left"
	}
	return p
}

func (b *budget) state(now time.Time) State {
	switch {
	case b.down():
		return StateDown
	case b.limitedUntil(now).After(now):
		return StateLimited
	case b.answered:
		return StateOK
	default:
		return StateUnknown
	}
}

// learn takes in what came of a request.
func (b *budget) learn(r rules, w *waiter, outcome Outcome, now time.Time) verdict {
	if w.probe {
		b.probing = false
	}
	if window, ok := ParseWindow(outcome.Header, now); ok {
		b.window = window
	} else if !b.window.Reset.IsZero() && !b.window.Reset.After(now) {
		b.window = Window{}
	}
	found := outcome.verdict(now)
	switch found {
	case answered:
		b.well()
		if w.sent.After(b.limitedAt) {
			b.limited, b.lastError = 0, ""
		}
	case limited:
		b.well()
		b.limit(r, w, outcome, now)
	case failed:
		b.fail(r, w, outcome, now)
	case unknown:
	}
	return found
}

// well: the host answers.
func (b *budget) well() {
	if b.failures > 0 {
		b.lastError = ""
	}
	b.answered, b.failures, b.downs, b.downUntil = true, 0, 0, time.Time{}
}

// limit heeds a pause that the host asked for. Of answers to requests that were under way together only the first makes
// the next pause longer.
func (b *budget) limit(r rules, w *waiter, outcome Outcome, now time.Time) {
	if w.sent.After(b.limitedAt) {
		b.limited++
		b.limitedAt = now
	}
	pause, told := RetryAfter(outcome.Header, now)
	if !told && b.window.Remaining == 0 && b.window.Reset.After(now) {
		pause, told = b.window.Reset.Sub(now), true
	}
	if !told {
		pause = r.backoff(b.limited)
	} else if b.limited > 2 {
		// It asks for too little again and again.
		pause = max(pause, r.backoff(b.limited-2))
	}
	if until := now.Add(pause); until.After(b.pausedUntil) {
		b.pausedUntil = until
	}
	b.lastError = outcome.reason()
}

func (b *budget) fail(r rules, w *waiter, outcome Outcome, now time.Time) {
	b.failures++
	b.lastError = outcome.reason()
	if b.down() && !w.probe || !b.down() && b.failures < r.threshold {
		return // sent before the host was known to be down, or not yet a host that is
	}
	b.downs++
	wait := r.backoff(b.downs)
	wait -= time.Duration(rand.Float64() * 0.1 * float64(wait)) //nolint:gosec // chance, no secret: replicas spread
	b.downUntil = now.Add(wait)
}

// IsLimited says whether an answer asks to come back later, so that the same request may be sent again.
func IsLimited(outcome Outcome) bool { return outcome.verdict(time.Now()) == limited }
