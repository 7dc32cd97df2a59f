// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package rpcerr

import (
	"context"
	"errors"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// UnaryServerInterceptor gives each error that a handler returns its status. What becomes INTERNAL is logged, once, with
// the trace id that the caller gets; tracer makes one for a call that has no span. UNAVAILABLE of anything but this
// service itself is marked so that clients do not try again by themselves.
func UnaryServerInterceptor(log *slog.Logger, tracer trace.Tracer) grpc.UnaryServerInterceptor {
	seam := serverSeam{log: log, tracer: tracer}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		resp, err := handler(ctx, req)
		if err != nil {
			return nil, seam.outward(ctx, info.FullMethod, err)
		}
		return resp, nil
	}
}

// StreamServerInterceptor is [UnaryServerInterceptor] for streams.
func StreamServerInterceptor(log *slog.Logger, tracer trace.Tracer) grpc.StreamServerInterceptor {
	seam := serverSeam{log: log, tracer: tracer}
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if err := handler(srv, stream); err != nil {
			return seam.outward(stream.Context(), info.FullMethod, err)
		}
		return nil
	}
}

type serverSeam struct {
	log    *slog.Logger
	tracer trace.Tracer
}

// outward is the error as the caller sees it.
func (s serverSeam) outward(ctx context.Context, method string, err error) error {
	st := ToStatus(err)
	switch {
	case isDefect(st) && !wasReceived(err):
		return s.defect(ctx, method, st, err)
	case errors.Is(err, ErrStoreUnavailable) && !wasReceived(err) && ctx.Err() == nil: // nobody waits: nothing to report
		s.log.WarnContext(ctx, "store did not answer a call", "method", method, "error", err)
	}
	if st.Code() == codes.Unavailable && !retryAtOnce(st) {
		// The transport's own way to say so; it fails only where there is no call, in a test of the handler alone.
		_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", "-1"))
	}
	return st.Err()
}

// retryAtOnce: the same call may work elsewhere or in a moment. What failed further upstream was tried again there.
func retryAtOnce(st *status.Status) bool {
	reason := reasonOf(st)
	return reason == metav1.ErrorReason_ERROR_REASON_STORE_UNAVAILABLE || reason == metav1.ErrorReason_ERROR_REASON_SHUTTING_DOWN
}

// defect logs what the caller does not get to see, and gives the caller the id that finds it.
func (s serverSeam) defect(ctx context.Context, method string, st *status.Status, err error) error {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		var span trace.Span
		ctx, span = s.tracer.Start(ctx, "internal error", trace.WithAttributes(attribute.String("rpc.method", method)))
		span.SetStatus(otelcodes.Error, "internal error")
		defer span.End()
	}
	attrs := []any{"method", method, "error", err}
	var stacked interface{ Stack() string }
	if errors.As(err, &stacked) {
		attrs = append(attrs, "stack", stacked.Stack())
	}
	s.log.ErrorContext(ctx, "call failed by a defect", attrs...)
	p := st.Proto()
	p.Message = bounded(p.GetMessage(), maxMessage-64) + " (trace id " + trace.SpanContextFromContext(ctx).TraceID().String() + ")"
	return status.FromProto(p).Err()
}

func isDefect(st *status.Status) bool {
	return st.Code() == codes.Internal || st.Code() == codes.Unknown || st.Code() == codes.DataLoss
}

// wasReceived: the error came from a service upstream, which has logged it.
func wasReceived(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.received != nil
}
