// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc/stats"
)

// ServerHandler makes the spans and metrics of a gRPC server's calls, except those that [Traced] leaves out.
func (t *Telemetry) ServerHandler() stats.Handler {
	return otelgrpc.NewServerHandler(t.grpcOptions()...)
}

// ClientHandler is [Telemetry.ServerHandler] for a client's calls.
func (t *Telemetry) ClientHandler() stats.Handler {
	return otelgrpc.NewClientHandler(t.grpcOptions()...)
}

func (t *Telemetry) grpcOptions() []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(t.traces),
		otelgrpc.WithMeterProvider(t.meters),
		otelgrpc.WithPropagators(t.Propagator()),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return Traced(info.FullMethodName) }),
	}
}

// Traced tells whether calls of a method ("/package.Service/Method") get spans. Streams that follow something do not: a
// span of days tells nothing, and the trace travels with each event. Nor do health checks and reflection.
func Traced(fullMethod string) bool {
	service, method, ok := strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	if !ok || strings.HasPrefix(service, "grpc.health.") || strings.HasPrefix(service, "grpc.reflection.") {
		return false
	}
	return !strings.HasPrefix(method, "Watch") && method != "StreamTags"
}
