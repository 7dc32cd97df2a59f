// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func newTraces(res *resource.Resource, exported sdktrace.SpanProcessor) *sdktrace.TracerProvider {
	opts := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	if exported != nil {
		opts = append(opts, sdktrace.WithSpanProcessor(exported))
	}
	return sdktrace.NewTracerProvider(opts...)
}

// newProcessor is nil where nothing is to be exported.
func newProcessor(ctx context.Context, logger *slog.Logger) (sdktrace.SpanProcessor, error) {
	exporter, err := newExporter(ctx)
	if err != nil || exporter == nil {
		return nil, err
	}
	return sdktrace.NewBatchSpanProcessor(&loggedExporter{SpanExporter: exporter, logger: logger}), nil
}

// newExporter is nil where nothing is to be exported. The exporters read the other OTEL_EXPORTER_OTLP_* variables
// themselves; they connect when there is something to send, again and again.
func newExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	endpoint := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	off := strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none"
	if endpoint == "" || off {
		return nil, nil
	}
	protocol := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), "grpc")
	var exporter sdktrace.SpanExporter
	var err error
	switch protocol {
	case "grpc":
		exporter, err = otlptracegrpc.New(ctx)
	case "http/protobuf":
		exporter, err = otlptracehttp.New(ctx)
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q: use grpc or http/protobuf", protocol)
	}
	if err != nil {
		return nil, fmt.Errorf("export traces to %s: %w", endpoint, err)
	}
	return exporter, nil
}

// loggedExporter reports failures to the log, the first of a row only, and not to OpenTelemetry's global handler.
type loggedExporter struct {
	sdktrace.SpanExporter
	logger  *slog.Logger
	failing atomic.Bool
}

func (e *loggedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !e.failing.Swap(true):
		e.logger.Warn("spans cannot be exported; they are dropped until it works again", "error", err)
	case err == nil && e.failing.Swap(false):
		e.logger.Info("spans are exported again")
	}
	return nil
}
