// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

const (
	maxConnections = 512
	maxHeaders     = 32 << 10 // bearer tokens are a few KiB
	headerTimeout  = 5 * time.Second
	readTimeout    = 20 * time.Second
	writeTimeout   = 40 * time.Second
	idleTimeout    = time.Minute
	drain          = 5 * time.Second
)

// Serve answers calls on the listener, which it closes, until the context ends and the calls under way are answered, or
// for five seconds longer.
func (h *Hooks) Serve(ctx context.Context, on net.Listener) error {
	server := &http.Server{
		Handler:           h.Handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(h.logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(netutil.LimitListener(on, maxConnections)) }()
	h.logger.InfoContext(ctx, "taking webhooks", "address", on.Addr().String())
	select {
	case err := <-served:
		return fmt.Errorf("taking webhooks: %w", err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err := server.Shutdown(stopping)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if err != nil {
		return fmt.Errorf("stopping to take webhooks: %w", err)
	}
	return nil
}
