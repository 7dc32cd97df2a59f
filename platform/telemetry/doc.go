// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package telemetry is a program's traces, metrics and log, made once and handed to what needs them: no global provider,
// propagator or logger is set, so that several can live in one process.
//
// Spans are always made, so that each log line and stored event has a trace id; they are exported, over OTLP, only where
// OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set. Metrics are read at [Telemetry.MetricsHandler].
package telemetry
