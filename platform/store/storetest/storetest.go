// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package storetest opens real stores for tests: etcd embedded in a temporary folder. It is for tests alone.
package storetest

import (
	"net/url"
	"testing"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/tidemark-io/tidemark/platform/store"
)

// Open starts an embedded store in a folder of its own, and closes it when the test ends.
func Open(tb testing.TB) *store.Store {
	tb.Helper()
	st, closeStore := OpenDir(tb, tb.TempDir())
	tb.Cleanup(closeStore)
	return st
}

// OpenDir starts an embedded store in the folder, for tests that close it and open it again. The caller closes it.
func OpenDir(tb testing.TB, dir string) (st *store.Store, closeStore func()) {
	tb.Helper()
	st, err := store.Open(tb.Context(), store.Config{DataDir: dir, UnsafeNoFsync: true})
	if err != nil {
		tb.Fatalf("opening the store: %v", err)
	}
	return st, func() {
		if err := st.Close(); err != nil {
			tb.Errorf("closing the store: %v", err)
		}
	}
}

// Serve runs an etcd that listens on loopback, as a cluster of the user's would, until the test ends, and returns its
// endpoint.
func Serve(tb testing.TB) (endpoint string) {
	tb.Helper()
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel, cfg.UnsafeNoFsync = tb.TempDir(), "panic", true
	cfg.TickMs, cfg.ElectionMs = 10, 100
	cfg.ListenPeerUrls, cfg.ListenClientUrls = []url.URL{}, []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	server, err := embed.StartEtcd(cfg)
	if err != nil {
		tb.Fatalf("starting etcd: %v", err)
	}
	tb.Cleanup(server.Close)
	<-server.Server.ReadyNotify()
	return "http://" + server.Clients[0].Addr().String()
}
