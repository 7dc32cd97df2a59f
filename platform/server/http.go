// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/tidemark-io/tidemark/platform/health"
)

func newHTTP(cfg Config, tlsConfig *tls.Config, reporter *health.Reporter) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", cfg.Telemetry.MetricsHandler())
	mux.Handle("GET /readyz", reporter)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "ok\n") // the client has gone, if it fails
	})
	return &http.Server{
		Handler:           mux,
		TLSConfig:         webTLS(tlsConfig),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn),
	}
}

// webTLS asks for no client certificate: a kubelet's probes have none, and nothing here is secret.
func webTLS(config *tls.Config) *tls.Config {
	if config == nil {
		return nil
	}
	config = config.Clone()
	config.ClientAuth, config.ClientCAs = tls.NoClientCert, nil
	return config
}
