// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

const (
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
	// evaluationTimeout bounds one evaluation: a view of 100,000 tags takes a tenth of a second, a digest 30 s at most.
	evaluationTimeout = time.Minute
	// inspectionTimeout is for a thousand tags of a registry that answers.
	inspectionTimeout = 5 * time.Minute
	storeTimeout      = 10 * time.Second
)

// ErrSuspended says that the policy is not to be evaluated.
var ErrSuspended = errors.New("the policy is suspended; resume it first")

// runGuarded is the queue's. A defect beyond the evaluation itself, which is guarded on its own, ends nothing but the run.
func (r *Reconciler) runGuarded(ctx context.Context, key string) {
	err := lifecycle.Guard(func() error {
		r.run(ctx, key)
		return nil
	})
	if stacked, ok := errors.AsType[*lifecycle.PanicError](err); ok {
		r.logger.ErrorContext(ctx, "a policy's run failed by a defect", "policy", key, "error", err, "stack", stacked.Stack())
	}
}

// run evaluates the policy if it is to be, and plans the next time.
func (r *Reconciler) run(ctx context.Context, text string) {
	namespace, name, _ := strings.Cut(text, "/")
	key := object.Key{Namespace: namespace, Name: name}
	policy, ok := r.policies.Cached(key)
	if !ok {
		return
	}
	w := r.workOf(key)
	if err := w.lock(ctx); err != nil {
		return
	}
	defer w.unlock()
	if state.Suspended(policy) {
		w.letGo()
		return
	}
	if !r.owner.Owns(state.RepositoryOf(policy).String()) {
		w.letGo()
		w.disown()
		r.queue.At(text, time.Now().Add(ownershipEvery))
		return
	}
	r.consider(key) // it may have become this replica's without a word
	evaluated, err := r.evaluate(ctx, w, policy, false)
	r.plan(ctx, w, policy, err)
	if evaluated != nil {
		r.forgetOver(ctx, policy)
	}
}

// Reconcile asks the scanner and evaluates the policy now. It returns the policy as stored afterwards, and an error if
// there is no new answer: ErrSuspended, object.ErrNotFound, those of packages follow and policy, *DigestError.
func (r *Reconciler) Reconcile(ctx context.Context, key object.Key) (*resolverv1.ImagePolicy, error) {
	select {
	case <-r.started:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if _, err := r.policies.Get(ctx, key); err != nil {
		return nil, fmt.Errorf("evaluating now: %w", err)
	}
	w := r.workOf(key)
	if err := w.lock(ctx); err != nil {
		return nil, err
	}
	defer w.unlock()
	policy, err := r.policies.Get(ctx, key) // it may have changed while we waited
	if err != nil {
		return nil, fmt.Errorf("evaluating now: %w", err)
	}
	if state.Suspended(policy) {
		return policy, ErrSuspended
	}
	policy, err = r.evaluate(ctx, w, policy, true)
	if r.owner.Owns(state.RepositoryOf(policy).String()) {
		r.plan(ctx, w, policy, err)
	} else {
		w.letGo()
	}
	return policy, err
}

// evaluate finds the policy's answer, and stores it. It returns the policy as stored, and why there is no answer. now:
// somebody waits, and the scanner is asked for news.
func (r *Reconciler) evaluate(ctx context.Context, w *work, policy *resolverv1.ImagePolicy, now bool) (*resolverv1.ImagePolicy, error) {
	begun := time.Now()
	a := answer{
		uid: policy.GetMetadata().GetUid(), generation: policy.GetMetadata().GetGeneration(), hold: policy.GetOverride().GetHold(),
	}
	err := lifecycle.Guard(func() error {
		ctx, cancel := context.WithTimeout(ctx, timeoutOf(policy))
		defer cancel()
		return r.find(ctx, w, policy, &a, now)
	})
	if err != nil {
		a.ref, a.err = nil, err
	}
	defer a.endSpan()
	switch {
	case err != nil && ctx.Err() != nil:
		return policy, err // it did not come to its end
	case errors.Is(err, follow.ErrPending), errors.Is(err, follow.ErrUnreachable) && answered(policy):
		return policy, err // there is nothing to say that is not said already
	}
	r.logDefect(ctx, policy, err)
	r.meters.evaluated(ctx, err, time.Since(begun))
	stored, failed := r.store(a.context(ctx), policy, &a)
	if failed != nil {
		return policy, failed
	}
	return stored, err
}

// answered says that the status tells of the spec as it is now.
func answered(policy *resolverv1.ImagePolicy) bool {
	return policy.GetStatus().GetObservedGeneration() == policy.GetMetadata().GetGeneration()
}

// plan says when the policy is evaluated next, beside when something changes.
func (r *Reconciler) plan(ctx context.Context, w *work, policy *resolverv1.ImagePolicy, err error) {
	key := object.KeyOfMeta(policy.GetMetadata())
	switch {
	case ctx.Err() != nil:
		return
	case err == nil:
		w.failures = 0
		r.queue.At(key.String(), earliest(w.nextDigest(policy), w.wake, released(policy)))
		return
	case !retriable(err): // it is evaluated again when something changes
		w.failures = 0
		r.queue.At(key.String(), earliest(w.wake, released(policy)))
		return
	}
	w.failures++
	after := min(lastRetry, firstRetry<<min(w.failures-1, 10))
	retry := time.Now().Add(after*3/4 + rand.N(after/4)) //nolint:gosec // no secret
	r.queue.At(key.String(), earliest(retry, released(policy)))
}

// released is when the policy's hold ends by itself; the zero time: never, or it has.
func released(policy *resolverv1.ImagePolicy) time.Time {
	if state.Held(policy, time.Now()) == nil {
		return time.Time{}
	}
	return until(policy.GetOverride().GetHold())
}

// earliest of the times, the zero time standing for never.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if first.IsZero() || !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}

// timeoutOf bounds one evaluation: more where the registry may have to be asked about many tags.
func timeoutOf(p *resolverv1.ImagePolicy) time.Duration {
	if spec.Requirements(p.GetSpec()).Any() || spec.Latest(p.GetSpec().GetPolicy()) {
		return inspectionTimeout
	}
	return evaluationTimeout
}

// span starts the evaluation's span, late but with its true beginning: there is none for an evaluation that finds what
// is known already. Its parent is the call that asked for it, else the scan that brought the tags.
func (r *Reconciler) span(ctx context.Context, a *answer, begun time.Time) context.Context {
	scan := a.head.GetTrace()
	opts := []trace.SpanStartOption{trace.WithTimestamp(begun), trace.WithAttributes(a.attributes()...)}
	if trace.SpanContextFromContext(ctx).IsValid() {
		opts = append(opts, trace.WithLinks(telemetry.Link(scan)))
	} else {
		ctx = telemetry.Extract(ctx, scan)
	}
	ctx, a.span = r.tracer.Start(ctx, "evaluate policy", opts...)
	return ctx
}

func (r *Reconciler) logDefect(ctx context.Context, policy *resolverv1.ImagePolicy, err error) {
	if stacked, ok := errors.AsType[*lifecycle.PanicError](err); ok {
		r.logger.ErrorContext(ctx, "an evaluation failed by a defect",
			"policy", object.KeyOfMeta(policy.GetMetadata()).String(), "error", err, "stack", stacked.Stack())
	}
}
