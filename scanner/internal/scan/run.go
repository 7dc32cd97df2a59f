// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/scanner/internal/origin"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

// reasonFailure is a defect of ours.
const reasonFailure = "Failure"

// traced reads the object and scans it within a span: a child of the first request's, with links to the others'. planned is
// why the scan is due where nobody asked for it.
func (l *Loop) traced(ctx context.Context, key object.Key, asked []*request, planned origin.Trigger) Outcome {
	repository, err := l.state.Repositories.Get(ctx, key)
	if err != nil {
		return Outcome{Err: err}
	}
	if Suspended(repository) {
		return Outcome{Repository: repository, Err: ErrSuspended, scanned: repository}
	}
	// Before they are used: what changes from here on is seen as a change.
	secrets, err := l.source.Versions().Of(ctx, source.References(repository))
	if err != nil {
		return Outcome{Repository: repository, Err: err, scanned: repository}
	}
	options := []trace.SpanStartOption{trace.WithAttributes(
		attribute.String("tidemark.repository", key.String()),
		attribute.String("tidemark.image", repository.GetSpec().GetImage()),
	)}
	for i, r := range asked {
		if i == 0 && r.trace.IsValid() {
			ctx = trace.ContextWithSpanContext(ctx, r.trace)
		} else if r.trace.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: r.trace}))
		}
	}
	ctx, span := l.instruments.tracer.Start(ctx, "scan", options...)
	defer span.End()
	began := time.Now()
	outcome := l.scan(ctx, &job{
		key: key, repository: repository, requested: len(asked) > 0, trace: telemetry.Inject(ctx), cause: causeOf(ctx, asked, planned),
		acceptShrink: slices.ContainsFunc(asked, func(r *request) bool { return r.acceptShrink }),
	})
	outcome.scanned, outcome.secrets = repository, secrets
	l.report(ctx, key, span, outcome, time.Since(began))
	return outcome
}

// causeOf is what brings a scan about: the first request, whose trace it belongs to, or the plan.
func causeOf(ctx context.Context, asked []*request, planned origin.Trigger) origin.Scan {
	cause := origin.Scan{Trigger: planned, TraceID: trace.SpanContextFromContext(ctx).TraceID()}
	if len(asked) > 0 {
		cause.Trigger, cause.Receiver = asked[0].trigger, asked[0].receiver
	}
	return cause
}

// report tells the span, the metrics and the log of a scan.
func (l *Loop) report(ctx context.Context, key object.Key, span trace.Span, outcome Outcome, took time.Duration) {
	if errors.Is(outcome.Err, context.Canceled) {
		span.SetStatus(codes.Error, "the scanner is stopping")
		return
	}
	l.instruments.scanned(ctx, outcome, took)
	if outcome.Err == nil {
		span.SetAttributes(
			attribute.Int("tidemark.tags", int(outcome.Result.GetTagCount())), attribute.Bool("tidemark.changed", outcome.Changed))
		level := slog.LevelDebug
		if outcome.Changed {
			level = slog.LevelInfo
		}
		l.logger.Log(ctx, level, "scanned", "repository", key.String(), "tags", outcome.Result.GetTagCount(),
			"changed", outcome.Changed, "took", took)
		return
	}
	span.SetStatus(codes.Error, outcome.Err.Error())
	line := []any{"repository", key.String(), "error", outcome.Err}
	if failure, ok := errors.AsType[*source.Error](outcome.Err); ok {
		line = append(line, "reason", failure.Reason, "cause", failure.Cause)
	}
	l.logger.WarnContext(ctx, "scan failed", line...)
}

// panicked says in the log and the status that a scan met a defect of ours. It is tried again as after every failure.
func (l *Loop) panicked(ctx context.Context, key object.Key, err error) Outcome {
	stack := ""
	if caught, ok := errors.AsType[*lifecycle.PanicError](err); ok {
		stack = caught.Stack()
	}
	l.logger.ErrorContext(ctx, "a scan panicked", "repository", key.String(), "error", err, "stack", stack)
	failure := &source.Error{
		Reason: reasonFailure, Sentence: "scan failed: a defect of the scanner's, whose log has the details", Cause: err,
	}
	j := &job{key: key}
	repository, err := l.state.Repositories.UpdateStatus(ctx, key, "", func(r state.Repository) error {
		j.repository = r
		return j.writeFailure(r, failure, time.Now())
	})
	if err != nil {
		return Outcome{Err: fmt.Errorf("%w: %w", failure, err)}
	}
	return Outcome{Repository: repository, Err: failure, scanned: repository}
}
