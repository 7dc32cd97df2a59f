// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// Inject is ctx's trace in the form that is stored with data; nil when ctx has none.
func Inject(ctx context.Context) *metav1.TraceContext {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	if carrier["traceparent"] == "" {
		return nil
	}
	return &metav1.TraceContext{Traceparent: carrier["traceparent"], Tracestate: carrier["tracestate"]}
}

// Extract is ctx with the stored trace as the parent of the next span. Where there is none, or none that parses, it
// is ctx itself.
func Extract(ctx context.Context, tc *metav1.TraceContext) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{
		"traceparent": tc.GetTraceparent(), "tracestate": tc.GetTracestate(),
	})
}

// Link is a link to the stored trace; one without a valid span context, which OpenTelemetry drops, where there is none.
func Link(tc *metav1.TraceContext) trace.Link {
	return trace.Link{SpanContext: trace.SpanContextFromContext(Extract(context.Background(), tc))}
}
