// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
)

const (
	// concurrency bounds how many calls are worked on at once: each may hold a payload, and what a filter makes of it.
	concurrency = 32
	// queueFor is how long a call waits to be one of them.
	queueFor = 5 * time.Second
)

// answer is what a call gets, and why for the log.
type answer struct {
	status int
	err    error
}

func (h *Hooks) serve(w http.ResponseWriter, req *http.Request) {
	route, ok := h.routes.Load().find(req.URL.Path)
	if !ok {
		h.instruments.called(req.Context(), "none", http.StatusNotFound)
		reply(w, http.StatusNotFound)
		return
	}
	kind := strings.ToLower(strings.TrimPrefix(route.object.GetSpec().GetType().String(), "RECEIVER_TYPE_"))
	ctx, span := h.instruments.tracer.Start(req.Context(), "webhook", trace.WithNewRoot(),
		trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("tidemark.receiver", route.key.String()), attribute.String("tidemark.receiver.type", kind)))
	defer span.End()
	given := h.answer(ctx, route, w, req)
	span.SetAttributes(attribute.Int("http.response.status_code", given.status))
	h.instruments.called(ctx, kind, given.status)
	if given.err != nil {
		span.SetStatus(codes.Error, given.err.Error())
		level := slog.LevelWarn
		if given.status == http.StatusTooManyRequests {
			level = slog.LevelDebug // there may be any number of them; the metric counts
		}
		h.logger.Log(ctx, level, "a webhook is not taken", "receiver", route.key.String(), "status", given.status, "error", given.err)
	}
	reply(w, given.status)
}

func reply(w http.ResponseWriter, status int) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	switch status {
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header.Set("Retry-After", "5")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, http.StatusText(status)+"\n") // the caller has gone, if it fails
}

var (
	errMethod    = errors.New("a webhook is a POST")
	errTooMany   = errors.New("too many calls of this path")
	errBusy      = errors.New("too many calls at once")
	errSuspended = errors.New("the receiver is suspended")
	errTooLarge  = errors.New("the payload is over 3 MiB")
)

// answer takes one call.
func (h *Hooks) answer(ctx context.Context, to *route, w http.ResponseWriter, req *http.Request) answer {
	switch {
	case !to.gate.limit.Allow():
		return answer{http.StatusTooManyRequests, errTooMany}
	case req.Method != http.MethodPost:
		return answer{http.StatusMethodNotAllowed, errMethod}
	case to.suspended():
		return answer{http.StatusServiceUnavailable, errSuspended}
	case req.ContentLength > receiver.MaxBody:
		return answer{http.StatusRequestEntityTooLarge, errTooLarge}
	}
	leave, ok := h.enter(ctx, to.gate)
	if !ok {
		return answer{http.StatusServiceUnavailable, errBusy}
	}
	defer leave()
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, receiver.MaxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return answer{http.StatusRequestEntityTooLarge, errTooLarge}
	}
	if err != nil {
		return answer{http.StatusBadRequest, err}
	}
	return h.take(ctx, to, receiver.Call{Header: req.Header, Body: body})
}

// enter waits for one of the path's slots, then for one of all.
func (h *Hooks) enter(ctx context.Context, through *gate) (leave func(), ok bool) {
	ctx, cancel := context.WithTimeout(ctx, queueFor)
	defer cancel()
	select {
	case through.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-through.slots }, true
	case <-ctx.Done():
		<-through.slots
		return nil, false
	}
}

// take believes a call or not, and asks for the scans that it is to cause.
func (h *Hooks) take(ctx context.Context, to *route, call receiver.Call) answer {
	notice, err := to.receiver.Read(ctx, call)
	if err != nil {
		return answer{statusOf(err), err}
	}
	if notice.Idle {
		return answer{status: http.StatusOK}
	}
	keys, refused := h.targets(ctx, to, notice)
	if err := h.pushed(ctx, keys, notice.Images); err != nil {
		return answer{http.StatusServiceUnavailable, err}
	}
	if err := h.config.Want(ctx, keys, to.key.String()); err != nil {
		return answer{http.StatusServiceUnavailable, err}
	}
	h.logger.DebugContext(ctx, "a webhook is taken", "receiver", to.key.String(), "event", notice.Event, "repositories", len(keys))
	if refused != nil {
		return answer{statusOf(refused), refused}
	}
	return answer{status: http.StatusOK}
}

func statusOf(err error) int {
	for _, known := range []error{receiver.ErrNotProven, receiver.ErrPayload, receiver.ErrEvent, receiver.ErrFilter} {
		if errors.Is(err, known) {
			return http.StatusBadRequest
		}
	}
	return http.StatusServiceUnavailable // an issuer or the store is away: the caller may try again
}
