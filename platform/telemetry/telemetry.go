// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says what is made. The zero value logs at info level, as text, to stderr.
type Config struct {
	// Service is the service.name of spans and metrics; OTEL_SERVICE_NAME overrides it. Empty means "tidemark".
	Service string
	// Version is the service.version; may be empty.
	Version string
	// LogLevel is debug, info, warn or error; empty means info.
	LogLevel string
	// LogFormat is text or json; empty means text.
	LogFormat string
	// LogOutput is where log lines go; nil means stderr.
	LogOutput io.Writer
}

// Telemetry is safe for concurrent use.
type Telemetry struct {
	version  string
	logger   *slog.Logger
	exported sdktrace.SpanProcessor // nil where nothing is exported
	traces   *sdktrace.TracerProvider
	meters   *sdkmetric.MeterProvider
	registry *prometheus.Registry
}

// Setup makes a program's telemetry. It fails for an unknown log level or format, and for OTEL_* variables that do not
// parse; a collector that is not there is no failure.
func Setup(ctx context.Context, cfg Config) (*Telemetry, error) {
	if cfg.Service == "" {
		cfg.Service = "tidemark"
	}
	if cfg.LogOutput == nil {
		cfg.LogOutput = os.Stderr
	}
	logger, err := newLogger(cfg)
	if err != nil {
		return nil, err
	}
	res, err := describe(ctx, cfg.Service, cfg.Version)
	if err != nil {
		return nil, err
	}
	registry, meters, err := newMeters(cfg, res)
	if err != nil {
		return nil, err
	}
	exported, err := newProcessor(ctx, logger)
	if err != nil {
		return nil, err
	}
	return &Telemetry{
		version: cfg.Version, logger: logger, exported: exported, traces: newTraces(res, exported), meters: meters, registry: registry,
	}, nil
}

// For is the telemetry of one of several services in a program: its spans and log lines carry the service's name, and all
// else is shared. Shut down the one that Setup made.
func (t *Telemetry) For(ctx context.Context, service string) (*Telemetry, error) {
	res, err := describe(ctx, service, t.version)
	if err != nil {
		return nil, err
	}
	one := *t
	one.traces = newTraces(res, t.exported)
	one.logger = t.logger.With("service", service)
	return &one, nil
}

func describe(ctx context.Context, service, version string) (*resource.Resource, error) {
	res, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("describe the service from OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return res, nil
}

// Logger writes lines that carry the trace_id and span_id of the context they are logged with.
func (t *Telemetry) Logger() *slog.Logger { return t.logger }

// Tracer makes spans; name is the importing package's path or last element.
func (t *Telemetry) Tracer(name string) trace.Tracer { return t.traces.Tracer(name) }

// Meter makes instruments that are shown on /metrics.
func (t *Telemetry) Meter(name string) metric.Meter { return t.meters.Meter(name) }

// TracerProvider is for instrumentation that wants a provider.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.traces }

// MeterProvider is for instrumentation that wants a provider.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.meters }

// Propagator is W3C trace context; baggage is not taken from callers.
func (t *Telemetry) Propagator() propagation.TextMapPropagator { return propagation.TraceContext{} }

// Registerer is for instruments that are Prometheus' own.
func (t *Telemetry) Registerer() prometheus.Registerer { return t.registry }

// MetricsHandler serves all metrics in Prometheus' text form.
func (t *Telemetry) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Shutdown exports what spans are left, for as long as ctx lets it.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if err := errors.Join(t.traces.Shutdown(ctx), t.meters.Shutdown(ctx)); err != nil {
		return fmt.Errorf("shut telemetry down: %w", err)
	}
	return nil
}
