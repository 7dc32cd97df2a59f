// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidemark-io/tidemark/platform/telemetry"
)

const scope = "tidemark.scanner"

type instruments struct {
	tracer trace.Tracer
	calls  metric.Int64Counter
}

func newInstruments(tel *telemetry.Telemetry) (*instruments, error) {
	calls, err := tel.Meter(scope).Int64Counter("tidemark.scanner.webhooks",
		metric.WithDescription("Webhooks by the receiver's type and the status of the answer."))
	if err != nil {
		return nil, fmt.Errorf("making the webhooks' metrics: %w", err)
	}
	return &instruments{tracer: tel.Tracer(scope), calls: calls}, nil
}

func (i *instruments) called(ctx context.Context, kind string, status int) {
	i.calls.Add(ctx, 1, metric.WithAttributes(attribute.String("type", kind), attribute.Int("status", status)))
}
