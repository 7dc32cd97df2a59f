// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/origin"
)

// request is somebody who waits for a scan that begins after they asked.
type request struct {
	trace trace.SpanContext
	// acceptShrink: take the listing whatever it lost.
	acceptShrink bool
	// trigger is Request or Webhook, and receiver the webhook's.
	trigger  origin.Trigger
	receiver string
	answer   chan Outcome // of one
}

// Scan scans the object now and waits for the outcome. A scan that is under way does not count: another one follows it.
// Who asks while one waits to begin shares that one. A context that ends stops the waiting, not the scan. The error is the
// Outcome's, or why there is none: object.ErrNotFound, ErrSuspended, object.ErrShuttingDown, store.ErrUnavailable, the
// context's.
func (l *Loop) Scan(ctx context.Context, key object.Key) (Outcome, error) {
	return l.ask(ctx, key, &request{trigger: origin.Request})
}

// ScanForWebhook is Scan for a webhook of the receiver, `<namespace>/<name>`; empty: nobody knows which.
func (l *Loop) ScanForWebhook(ctx context.Context, key object.Key, receiver string) (Outcome, error) {
	return l.ask(ctx, key, &request{trigger: origin.Webhook, receiver: receiver})
}

// ScanAcceptingShrink is Scan for somebody who has looked: a listing that would be held back, because it lost so many tags,
// is taken.
func (l *Loop) ScanAcceptingShrink(ctx context.Context, key object.Key) (Outcome, error) {
	return l.ask(ctx, key, &request{trigger: origin.Request, acceptShrink: true})
}

func (l *Loop) ask(ctx context.Context, key object.Key, r *request) (Outcome, error) {
	repository, err := l.state.Repositories.Get(ctx, key)
	if err != nil {
		return Outcome{}, err
	}
	if Suspended(repository) {
		return Outcome{}, ErrSuspended
	}
	r.trace, r.answer = trace.SpanContextFromContext(ctx), make(chan Outcome, 1)
	l.mu.Lock()
	l.waiting[key] = append(l.waiting[key], r)
	l.queue.Now(key.String())
	l.mu.Unlock()
	select {
	case outcome := <-r.answer:
		return outcome, outcome.Err
	case <-l.ended:
		return Outcome{}, object.ErrShuttingDown
	case <-ctx.Done():
		l.withdraw(key, r)
		return Outcome{}, fmt.Errorf("waiting for the scan: %w", ctx.Err())
	}
}

// take returns those who wait for the key. The scan that they wait for begins now.
func (l *Loop) take(key object.Key) []*request {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := l.waiting[key]
	delete(l.waiting, key)
	return asked
}

// withdraw takes back a request that nobody waits for any more; the scan stays asked for.
func (l *Loop) withdraw(key object.Key, r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := slices.DeleteFunc(l.waiting[key], func(other *request) bool { return other == r })
	if len(left) == 0 {
		delete(l.waiting, key)
		return
	}
	l.waiting[key] = left
}
