// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// maxSteps is how many steps wait for a slow reader; more are not told.
const maxSteps = 256

// waiter is somebody who asked for a run.
type waiter struct {
	span  trace.SpanContext
	steps chan *updaterv1.RunStep
	done  chan run.Outcome
}

func step(waiters []*waiter, sentence string) {
	for _, w := range waiters {
		select {
		case w.steps <- &updaterv1.RunStep{Time: timestamppb.Now(), Message: sentence}:
		default:
		}
	}
}

// RunNow runs an automation by a run that begins after this call, tells of its steps and returns what came of it. A caller
// that goes away does not stop the run. Errors: object.ErrNotFound, a *rpcerr.Error while the resolver has never answered,
// tell's own, the context's.
func (d *Dispatcher) RunNow(ctx context.Context, key object.Key, tell func(*updaterv1.RunStep) error) (run.Outcome, error) {
	a, err := d.Automations.Get(ctx, key)
	if err != nil {
		return run.Outcome{}, err
	}
	if err := d.Known(ctx); err != nil {
		return run.Outcome{}, err
	}
	w := &waiter{span: trace.SpanContextFromContext(ctx), steps: make(chan *updaterv1.RunStep, maxSteps), done: make(chan run.Outcome, 1)}
	if !d.enqueue(a, w) {
		return run.Outcome{}, rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_SUSPENDED,
			"ImageUpdateAutomation '%s' is suspended; resume it first", key)
	}
	for {
		select {
		case s := <-w.steps:
			if err := tell(s); err != nil {
				return run.Outcome{}, err
			}
		case outcome := <-w.done:
			for len(w.steps) > 0 {
				if err := tell(<-w.steps); err != nil {
					return run.Outcome{}, err
				}
			}
			return outcome, nil
		case <-ctx.Done():
			return run.Outcome{}, ctx.Err()
		}
	}
}

// Known waits for the policies, and for the entries that are made of them. Errors: a *rpcerr.Error where the resolver has
// never told them, the context's.
func (d *Dispatcher) Known(ctx context.Context) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-d.started:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return rpcerr.New(codes.Unavailable, metav1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE,
			"the resolver has not told its policies yet; see that it runs, and the updater's --resolver-address")
	}
}

// enqueue asks for a run now; false: the automation is suspended. The caller has read the automation a moment ago, which may
// be before the follower has.
func (d *Dispatcher) enqueue(a *updaterv1.ImageUpdateAutomation, w *waiter) bool {
	if state.AutomationSuspended(a) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.take(a)
	e := d.entries[object.KeyOfMeta(a.GetMetadata())]
	e.waiters = append(e.waiters, w)
	d.want(e, time.Now(), updaterv1.RunTrigger_RUN_TRIGGER_REQUEST)
	d.plan(e.group)
	return true
}
