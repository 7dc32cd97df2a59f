// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/grpctest"
)

func TestCallsHaveSpansOfTheCallersTraceAndWatchesNone(t *testing.T) {
	var inCall, inWatch trace.SpanContext
	tel := grpctest.Telemetry(t, nil)
	conn := grpctest.Serve(t, func(r grpc.ServiceRegistrar) {
		registerPolicies(func(ctx context.Context) error { inCall = trace.SpanContextFromContext(ctx); return nil })(r)
		registerTags(tags{watch: func(ctx context.Context) error { inWatch = trace.SpanContextFromContext(ctx); return nil }})(r)
	}, grpctest.WithTelemetry(tel))
	ctx, span := tel.Tracer("test").Start(soon(t), "scan")
	defer span.End()
	if err := get(ctx, conn); err != nil {
		t.Fatal(err)
	}
	if inCall.TraceID() != span.SpanContext().TraceID() || inCall.SpanID() == span.SpanContext().SpanID() {
		t.Errorf("the handler runs in %v, called from %v", inCall, span.SpanContext())
	}
	stream, err := scannerv1.NewTagServiceClient(conn).WatchTags(ctx, &scannerv1.WatchTagsRequest{})
	for err == nil {
		_, err = stream.Recv()
	}
	if inWatch.SpanID() != span.SpanContext().SpanID() {
		t.Errorf("the watch runs in %v, not in its caller's %v", inWatch, span.SpanContext())
	}
}
