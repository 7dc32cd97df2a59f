// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// Run serves until ctx ends or a listener fails. Then health says NOT_SERVING, streams that follow something are ended
// with UNAVAILABLE / SHUTTING_DOWN, calls under way get the drain time to finish (other streams half of it), and what is
// left is cut off. HTTP serves to the end of that. Run returns nil when ctx ended.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 3)
	for name, l := range map[string]net.Listener{"gRPC": s.tcp, "in-memory gRPC": memoryListener{s.memory}} {
		if l == nil {
			continue
		}
		go func() {
			if err := s.grpc.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
				failed <- fmt.Errorf("serve %s: %w", name, err)
			}
		}()
	}
	if s.web != nil {
		go func() {
			if err := s.serveHTTP(); err != nil && !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve HTTP: %w", err)
			}
		}()
	}
	s.log.Info("serving", "grpc", s.Addr(), "http", s.HTTPAddr())
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.stop() //nolint:contextcheck // ctx has ended, and stopping takes its own time
	return err
}

func (s *Server) serveHTTP() error {
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(s.web, "", "")
	}
	return s.http.Serve(s.web)
}

// stop is bounded by the drain time, and a second for HTTP.
func (s *Server) stop() {
	s.health.Shutdown()
	s.ending.endWatches(rpcerr.ErrShuttingDown)
	graceful := make(chan struct{})
	go func() {
		defer close(graceful)
		s.grpc.GracefulStop()
	}()
	half, full := time.NewTimer(s.drain/2), time.NewTimer(s.drain)
	defer half.Stop()
	defer full.Stop()
	for waiting := true; waiting; {
		select {
		case <-graceful:
			waiting = false
		case <-half.C:
			s.ending.endStreams(rpcerr.ErrShuttingDown)
		case <-full.C: // a handler that does not heed its context is left behind
			s.log.Warn("calls did not end in time and are cut off", "after", s.drain)
			s.grpc.Stop()
			waiting = false
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		s.log.Warn("HTTP did not stop in time", "error", err)
	}
}
