// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"context"
	"time"

	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/telemetry"
)

// work has one repository's requests scanned, one after the other, until none waits.
func (r *Requests) work(ctx context.Context, key object.Key, e *entry) {
	for ctx.Err() == nil {
		served, prompt, wait, more := r.take(key, e)
		if !more {
			return
		}
		if wait <= 0 {
			wait = r.serve(ctx, key, e, served, prompt)
		}
		pause(ctx, wait)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.running = false
}

// take returns the request whose scan begins now, or how long to wait for it, or that there is none.
func (r *Requests) take(key object.Key, e *entry) (served wanted, prompt bool, wait time.Duration, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !e.waits() || !r.owner.Owns(key.String()) {
		e.running = false
		return wanted{}, false, 0, false
	}
	if wait = time.Until(e.due(r.timing)); wait > 0 {
		return wanted{}, false, wait, true
	}
	served, prompt = e.begin()
	return served, prompt, 0, true
}

// serve scans for a request, and says how long to wait before anything else is done.
func (r *Requests) serve(ctx context.Context, key object.Key, e *entry, served wanted, prompt bool) time.Duration {
	result := Prevented
	err := lifecycle.Guard(func() (err error) {
		result, err = r.scan(telemetry.Extract(ctx, served.trace()), key, served.By)
		return err
	})
	confirm := result == Unchanged && prompt
	if result != Prevented && !confirm {
		if failed := r.remove(ctx, key, served); failed != nil && ctx.Err() == nil {
			// It is scanned for once more at the next start, which does no harm.
			r.logger.WarnContext(ctx, "a request that was served stays written down", "repository", key.String(), "error", failed)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.ended = time.Now()
	switch {
	case confirm:
		e.again(served, e.ended, true)
		return 0
	case result != Prevented:
		return 0
	}
	if err != nil && ctx.Err() == nil {
		r.logger.WarnContext(ctx, "the scan that a webhook asked for is tried again", "repository", key.String(), "error", err)
	}
	e.again(served, e.ended, false)
	return r.timing.retryAfter
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
