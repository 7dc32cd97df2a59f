// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

const scope = "tidemark.scanner"

// instruments are what a Loop is observed with. No label has a value that somebody outside chooses.
type instruments struct {
	tracer   trace.Tracer
	scans    metric.Int64Counter
	duration metric.Float64Histogram
}

func newInstruments(tel *telemetry.Telemetry, st *state.State) (*instruments, error) {
	meter := tel.Meter(scope)
	i := &instruments{tracer: tel.Tracer(scope)}
	var failed [3]error
	i.scans, failed[0] = meter.Int64Counter("tidemark.scanner.scans",
		metric.WithDescription("Scans by outcome: changed, unchanged, or the reason of the failure."))
	i.duration, failed[1] = meter.Float64Histogram("tidemark.scanner.scan.duration", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300),
		metric.WithDescription("How long scans took."))
	_, failed[2] = meter.Int64ObservableGauge("tidemark.scanner.repositories",
		metric.WithDescription("Image repositories by whether they are ready."),
		metric.WithInt64Callback(func(_ context.Context, observer metric.Int64Observer) error {
			for ready, count := range countReady(st.Repositories.All()) {
				observer.Observe(count, metric.WithAttributes(attribute.String("ready", ready)))
			}
			return nil
		}))
	if err := errors.Join(failed[:]...); err != nil {
		return nil, fmt.Errorf("making the scanner's metrics: %w", err)
	}
	return i, nil
}

func countReady(repositories []state.Repository) map[string]int64 {
	counts := map[string]int64{"true": 0, "false": 0, "unknown": 0}
	for _, r := range repositories {
		switch conditions.Ready(r.GetStatus()).GetStatus() {
		case metav1.ConditionStatus_CONDITION_STATUS_TRUE:
			counts["true"]++
		case metav1.ConditionStatus_CONDITION_STATUS_FALSE:
			counts["false"]++
		default:
			counts["unknown"]++
		}
	}
	return counts
}

func (i *instruments) scanned(ctx context.Context, outcome Outcome, took time.Duration) {
	word := "unchanged"
	if outcome.Changed {
		word = "changed"
	}
	if outcome.Err != nil {
		word = "StoreUnavailable"
		if failure, ok := errors.AsType[*source.Error](outcome.Err); ok {
			word = failure.Reason
		}
	}
	attributes := metric.WithAttributes(attribute.String("outcome", word))
	i.scans.Add(ctx, 1, attributes)
	i.duration.Record(ctx, took.Seconds(), attributes)
}
