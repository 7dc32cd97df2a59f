// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

// meters are the numbers that evaluations leave.
type meters struct {
	evaluations metric.Int64Counter
	durations   metric.Float64Histogram
}

func newMeters(tel *telemetry.Telemetry, policies *state.Policies) (*meters, error) {
	meter := tel.Meter("tidemark.resolver")
	evaluations, err := meter.Int64Counter("tidemark.resolver.evaluations",
		metric.WithDescription("Evaluations of policies, by the reason of the condition that came out."))
	if err != nil {
		return nil, fmt.Errorf("making a counter: %w", err)
	}
	durations, err := meter.Float64Histogram("tidemark.resolver.evaluation.duration", metric.WithUnit("s"),
		metric.WithDescription("How long an evaluation takes, digests included."),
		metric.WithExplicitBucketBoundaries(0.00001, 0.0001, 0.001, 0.01, 0.1, 1, 10, 60))
	if err != nil {
		return nil, fmt.Errorf("making a histogram: %w", err)
	}
	_, err = meter.Int64ObservableGauge("tidemark.resolver.policies",
		metric.WithDescription("Policies, by the status of their Ready condition."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			observePolicies(o, policies)
			return nil
		}))
	if err != nil {
		return nil, fmt.Errorf("making a gauge: %w", err)
	}
	return &meters{evaluations: evaluations, durations: durations}, nil
}

func observePolicies(o metric.Int64Observer, policies *state.Policies) {
	counts := map[string]int64{"True": 0, "False": 0, "Unknown": 0}
	for _, policy := range policies.All() {
		switch ready := conditions.Ready(policy.GetStatus()); {
		case ready == nil:
			counts["Unknown"]++
		case conditions.IsTrue(policy.GetStatus().GetConditions(), conditions.TypeReady):
			counts["True"]++
		default:
			counts["False"]++
		}
	}
	for ready, n := range counts {
		o.Observe(n, metric.WithAttributes(attribute.String("ready", ready)))
	}
}

func (m *meters) evaluated(ctx context.Context, err error, took time.Duration) {
	outcome := ReasonSucceeded
	if err != nil {
		outcome, _ = explain(err)
	}
	m.evaluations.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
	m.durations.Record(ctx, took.Seconds())
}
