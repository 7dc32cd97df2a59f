// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package storetest opens real stores for tests: etcd embedded in a temporary folder. It is for tests alone.
package storetest

import (
	"testing"

	"github.com/tidemark-io/tidemark/platform/store"
)

// Open starts an embedded store in a folder of its own, and closes it when the test ends.
func Open(t testing.TB) *store.Store {
	t.Helper()
	st, closeStore := OpenDir(t, t.TempDir())
	t.Cleanup(closeStore)
	return st
}

// OpenDir starts an embedded store in the folder, for tests that close it and open it again. The caller closes it.
func OpenDir(t testing.TB, dir string) (st *store.Store, closeStore func()) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{DataDir: dir, UnsafeNoFsync: true})
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	return st, func() {
		if err := st.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	}
}
