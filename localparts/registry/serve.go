// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel/trace"
)

// silence turns off the logger that the distribution library writes to, which
// belongs to the process and would write to standard error.
func silence() {
	logrus.SetOutput(io.Discard)
	logrus.SetLevel(logrus.PanicLevel)
}

// untraced marks a context as part of a trace that is not sampled: the library
// starts spans from the process's own tracer, and the registry's have no place
// among those of the services beside it.
func untraced(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{15: 1},
		SpanID:  trace.SpanID{7: 1},
	}))
}

func newServer(config Config, app http.Handler) *http.Server {
	handler := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		app.ServeHTTP(w, r.WithContext(untraced(r.Context())))
	}))
	if config.Wrap != nil {
		handler = config.Wrap(handler)
	}
	if config.Log != nil {
		handler = &accessLog{next: handler, out: config.Log}
	}
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
}

// accessLog writes a line per request.
type accessLog struct {
	next http.Handler
	mu   sync.Mutex
	out  io.Writer
}

func (l *accessLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	l.next.ServeHTTP(seen, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	// A log that cannot be written is no reason to fail a request.
	_, _ = fmt.Fprintf(l.out, "%s %s %d\n", r.Method, r.URL.Path, seen.status)
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
