// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package grpctest

import (
	"context"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/platform/store"
)

// EmbeddedStore opens a real, embedded store in a folder of the test's, and closes it when the test ends.
func EmbeddedStore(tb testing.TB) *store.Store {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s, err := store.Open(ctx, store.Config{DataDir: tb.TempDir(), UnsafeNoFsync: true})
	if err != nil {
		tb.Fatalf("open an embedded store: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close the store: %v", err)
		}
	})
	return s
}
