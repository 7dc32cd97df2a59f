// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package grpctest

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/dial"
	"github.com/tidemark-io/tidemark/platform/server"
	"github.com/tidemark-io/tidemark/platform/telemetry"
)

// Option changes what [Serve] starts.
type Option func(*options)

type options struct {
	logTo     io.Writer
	telemetry *telemetry.Telemetry
	drain     time.Duration
	started   func(s *server.Server, stop func())
}

// WithLog sends the log, as JSON, to w, which must be safe for concurrent use. By default it is thrown away.
func WithLog(w io.Writer) Option { return func(o *options) { o.logTo = w } }

// WithTelemetry uses t, which the caller shuts down, in place of one made for the test.
func WithTelemetry(t *telemetry.Telemetry) Option { return func(o *options) { o.telemetry = t } }

// WithDrain bounds the graceful stop; a second by default.
func WithDrain(d time.Duration) Option { return func(o *options) { o.drain = d } }

// OnStart is given the server, and a stop that begins its shutdown and returns when that is done. The test need not
// call stop: its end does.
func OnStart(f func(s *server.Server, stop func())) Option { return func(o *options) { o.started = f } }

// Serve runs a server with what register registers, until the test ends, and returns a connection to it.
func Serve(tb testing.TB, register func(grpc.ServiceRegistrar), opts ...Option) *grpc.ClientConn {
	tb.Helper()
	o := options{drain: time.Second}
	for _, opt := range opts {
		opt(&o)
	}
	if o.telemetry == nil {
		o.telemetry = Telemetry(tb, o.logTo)
	}
	s, err := server.New(tb.Context(), server.Config{Telemetry: o.telemetry, Drain: o.drain})
	if err != nil {
		tb.Fatalf("make a server: %v", err)
	}
	register(s.GRPC())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			tb.Errorf("serve: %v", err)
		}
	}()
	stop := func() {
		cancel()
		<-done
	}
	tb.Cleanup(stop)
	if o.started != nil {
		o.started(s, stop)
	}
	conn, err := dial.Dial(ctx, "memory", dial.Options{Dialer: s.Dialer(), Telemetry: o.telemetry})
	if err != nil {
		tb.Fatalf("dial: %v", err)
	}
	tb.Cleanup(func() {
		if err := conn.Close(); err != nil {
			tb.Errorf("close the connection: %v", err)
		}
	})
	return conn
}

// Telemetry makes telemetry for a test, which logs JSON at debug level to w; nil throws the log away. It is shut down
// when the test ends.
func Telemetry(tb testing.TB, w io.Writer) *telemetry.Telemetry {
	tb.Helper()
	if w == nil {
		w = io.Discard
	}
	tel, err := telemetry.Setup(context.Background(), telemetry.Config{
		Service: "test", LogLevel: slog.LevelDebug.String(), LogFormat: "json", LogOutput: w,
	})
	if err != nil {
		tb.Fatalf("set telemetry up: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := tel.Shutdown(ctx); err != nil {
			tb.Errorf("shut telemetry down: %v", err)
		}
	})
	return tel
}
