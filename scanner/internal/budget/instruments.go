// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

const (
	// maxLabels bounds the hosts that metrics name. Only hosts that a repository's image names are among them, for where
	// those redirect to is chosen by somebody outside.
	maxLabels  = 100
	otherHosts = "other"
)

// instruments are what the budgets are observed with.
type instruments struct {
	requests metric.Int64Counter
	wait     metric.Float64Histogram
}

func newInstruments(meter metric.Meter, h *Hosts) (*instruments, error) {
	if meter == nil {
		meter = noop.Meter{}
	}
	i := &instruments{}
	var failed [6]error
	i.requests, failed[0] = meter.Int64Counter("tidemark.scanner.registry.requests", metric.WithDescription(
		"Requests to registries by host and outcome: answered, limited, failed, unknown, or refused here because of a pause."))
	i.wait, failed[1] = meter.Float64Histogram("tidemark.scanner.registry.wait", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(.001, .01, .1, .5, 1, 5, 10, 30, 60, 300),
		metric.WithDescription("How long requests waited for their turn."))
	_, failed[2] = meter.Int64ObservableGauge("tidemark.scanner.registry.hosts",
		metric.WithDescription("Budgets by state: ok, limited, down, unknown."), metric.WithInt64Callback(h.observeStates))
	gauge := func(name, about string, of func(*budget) int64) error {
		_, err := meter.Int64ObservableGauge(name, metric.WithDescription(about), metric.WithInt64Callback(
			func(_ context.Context, observer metric.Int64Observer) error {
				for label, value := range h.sum(of) {
					observer.Observe(value, metric.WithAttributes(attribute.String("host", label)))
				}
				return nil
			}))
		return err
	}
	failed[3] = gauge("tidemark.scanner.registry.in_flight", "Requests under way by host.",
		func(b *budget) int64 { return int64(b.inFlight) })
	failed[4] = gauge("tidemark.scanner.registry.waiting", "Repositories that wait for their turn by host.",
		func(b *budget) int64 { return int64(b.queue.repositories()) })
	failed[5] = gauge("tidemark.scanner.registry.remaining", "Requests that hosts' RateLimit headers leave, by host.",
		func(b *budget) int64 { return b.window.Remaining })
	if err := errors.Join(failed[:]...); err != nil {
		return nil, fmt.Errorf("making the registries' metrics: %w", err)
	}
	return i, nil
}

func (h *Hosts) observeStates(_ context.Context, observer metric.Int64Observer) error {
	counts := map[State]int64{StateUnknown: 0, StateOK: 0, StateLimited: 0, StateDown: 0}
	now := time.Now()
	h.mu.Lock()
	for _, b := range h.budgets {
		counts[b.state(now)]++
	}
	h.mu.Unlock()
	for state, count := range counts {
		observer.Observe(count, metric.WithAttributes(attribute.String("state", string(state))))
	}
	return nil
}

func (h *Hosts) sum(of func(*budget) int64) map[string]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	sums := map[string]int64{}
	for _, b := range h.budgets {
		sums[b.labelled()] += of(b)
	}
	return sums
}

// labelOf is the host's label, "other" where there are too many. The lock is held.
func (h *Hosts) labelOf(host string) string {
	if !h.labels[host] && len(h.labels) >= maxLabels {
		return otherHosts
	}
	h.labels[host] = true
	return host
}

func (b *budget) labelled() string {
	if b.label == "" {
		return otherHosts
	}
	return b.label
}

func (i *instruments) refused(ctx context.Context, label string) {
	i.requests.Add(ctx, 1, metric.WithAttributes(attribute.String("host", label), attribute.String("outcome", "refused")))
}

func (i *instruments) answered(ctx context.Context, label string, found verdict) {
	i.requests.Add(ctx, 1, metric.WithAttributes(attribute.String("host", label), attribute.String("outcome", string(found))))
}

func (i *instruments) waited(ctx context.Context, label string, took time.Duration) {
	i.wait.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String("host", label)))
}
