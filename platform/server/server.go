// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/test/bufconn"

	"github.com/tidemark-io/tidemark/platform/health"
	"github.com/tidemark-io/tidemark/platform/telemetry"
)

// DefaultDrain bounds a graceful stop.
const DefaultDrain = 10 * time.Second

// memoryBuffer is how much an in-memory connection holds before its writer waits, in bytes.
const memoryBuffer = 1 << 20

// Registrar is a service that can be registered.
type Registrar interface {
	Register(grpc.ServiceRegistrar)
}

// Config says where and how a program serves.
type Config struct {
	// Listen is the gRPC address, for example "127.0.0.1:9001"; port 0 takes a free one. Empty: in memory only.
	Listen string
	// HTTPListen is the address of /metrics, /healthz and /readyz. Empty: none.
	HTTPListen string
	// TLS, if it has a certificate, is spoken on both; without one, both must be on loopback, or Insecure.
	TLS TLS
	// Insecure allows plaintext beyond loopback.
	Insecure bool
	// Drain bounds the graceful stop; 0 means [DefaultDrain].
	Drain time.Duration
	// Logger; nil means Telemetry's.
	Logger *slog.Logger
	// Telemetry; required.
	Telemetry *telemetry.Telemetry
}

// Server is made by [New]; services are registered before [Server.Run].
type Server struct {
	log    *slog.Logger
	drain  time.Duration
	grpc   *grpc.Server
	http   *http.Server
	health *health.Reporter
	ending *ending

	tcp    net.Listener // nil without Listen
	web    net.Listener // nil without HTTPListen
	memory *bufconn.Listener
}

// New opens the listeners, so that Addr is known and a taken port is an error now. It fails where an address is beyond
// loopback, there is no certificate, and Insecure is not set. A server that is never run must be closed.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Telemetry == nil {
		return nil, errors.New("server: telemetry is required")
	}
	if cfg.Logger == nil {
		cfg.Logger = cfg.Telemetry.Logger()
	}
	if cfg.Drain <= 0 {
		cfg.Drain = DefaultDrain
	}
	tlsConfig, err := cfg.TLS.config()
	if err != nil {
		return nil, err
	}
	s := &Server{
		log: cfg.Logger, drain: cfg.Drain, health: health.NewReporter(cfg.Logger), ending: newEnding(),
		memory: bufconn.Listen(memoryBuffer),
	}
	if s.tcp, err = listen(ctx, cfg, "listen", cfg.Listen); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.web, err = listen(ctx, cfg, "http-listen", cfg.HTTPListen); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.grpc = grpc.NewServer(grpcOptions(cfg, tlsConfig, s.ending)...) //nolint:contextcheck // each call has a context of its own
	s.http = newHTTP(cfg, tlsConfig, s.health)
	s.health.Register(s.grpc)
	reflection.Register(s.grpc)
	return s, nil
}

// GRPC is where services are registered.
func (s *Server) GRPC() grpc.ServiceRegistrar { return s.grpc }

// Health is what /readyz and grpc.health.v1 answer from.
func (s *Server) Health() *health.Reporter { return s.health }

// Dialer connects to this server in memory, whatever the address: past TCP and TLS, and nothing else.
func (s *Server) Dialer() func(ctx context.Context, address string) (net.Conn, error) {
	return func(ctx context.Context, _ string) (net.Conn, error) { return s.memory.DialContext(ctx) }
}

// Addr is the gRPC address; nil without Listen.
func (s *Server) Addr() net.Addr { return addressOf(s.tcp) }

// HTTPAddr is the HTTP address; nil without HTTPListen.
func (s *Server) HTTPAddr() net.Addr { return addressOf(s.web) }

// Close closes the listeners of a server that was not run. After [Server.Run] it does nothing.
func (s *Server) Close() error {
	var errs []error
	for _, l := range []net.Listener{s.tcp, s.web, s.memory} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func addressOf(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}

// listen opens address, which the flag called name has set.
func listen(ctx context.Context, cfg Config, name, address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", name, address, err)
	}
	tcp, ok := l.Addr().(*net.TCPAddr)
	if (ok && tcp.IP.IsLoopback()) || cfg.TLS.set() || cfg.Insecure {
		return l, nil
	}
	err = fmt.Errorf("--%s %s is reachable from other machines: give --tls-cert-file and --tls-key-file, or say --insecure", name, address)
	return nil, errors.Join(err, l.Close())
}
