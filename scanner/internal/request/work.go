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
		served, wait, more := r.take(key, e)
		if !more {
			return
		}
		if wait <= 0 {
			wait = r.serve(ctx, key, e, served)
		}
		pause(ctx, wait)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.running = false
}

// take returns the request whose scan begins now, or how long to wait for it, or that there is none.
func (r *Requests) take(key object.Key, e *entry) (served wanted, wait time.Duration, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !e.waits() || !r.owner.Owns(key.String()) {
		e.running = false
		return wanted{}, 0, false
	}
	if wait = time.Until(e.due(r.timing)); wait > 0 {
		return wanted{}, wait, true
	}
	return e.begin(), 0, true
}

// serve scans for a request, and says how long to wait before anything else is done.
func (r *Requests) serve(ctx context.Context, key object.Key, e *entry, served wanted) time.Duration {
	kept := true
	err := lifecycle.Guard(func() (err error) {
		kept, err = r.scan(telemetry.Extract(ctx, served.trace()), key)
		return err
	})
	if !kept {
		if failed := r.remove(ctx, key, served); failed != nil && ctx.Err() == nil {
			// It is scanned for once more at the next start, which does no harm.
			r.logger.WarnContext(ctx, "a request that was served stays written down", "repository", key.String(), "error", failed)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.ended = time.Now()
	if !kept {
		return 0
	}
	if err != nil && ctx.Err() == nil {
		r.logger.WarnContext(ctx, "the scan that a webhook asked for is tried again", "repository", key.String(), "error", err)
	}
	e.begun = min(e.begun, served.revision-1) // it waits again
	e.firstAsked, e.lastAsked, e.settling = e.ended, e.ended, false
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
