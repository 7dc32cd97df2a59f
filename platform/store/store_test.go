// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

func TestEmbeddedStoreKeepsKeysAndIdentityOverRestart(t *testing.T) {
	dir := t.TempDir()
	first, closeFirst := storetest.OpenDir(t, dir)
	if _, err := first.Client().Put(t.Context(), first.Prefix()+"/x", "y"); err != nil {
		t.Fatal(err)
	}
	cluster, epoch, instance := first.ClusterID(), first.Epoch(), first.Instance()
	closeFirst()

	second, closeSecond := storetest.OpenDir(t, dir)
	defer closeSecond()
	if second.ClusterID() != cluster || second.Epoch() != epoch {
		t.Errorf("identity changed over a restart: %x/%x, was %x/%x", second.ClusterID(), second.Epoch(), cluster, epoch)
	}
	if second.Instance() == instance {
		t.Error("two processes have one instance")
	}
	resp, err := second.Client().Get(t.Context(), second.Prefix()+"/x")
	if err != nil || len(resp.Kvs) != 1 {
		t.Errorf("the key is lost: %v, %v", resp, err)
	}
}

func TestTwoEmbeddedStoresHaveTwoIdentities(t *testing.T) {
	a, b := storetest.Open(t), storetest.Open(t)
	if a.ClusterID() == b.ClusterID() || a.Epoch() == b.Epoch() {
		t.Errorf("ids %x and %x, epochs %x and %x", a.ClusterID(), b.ClusterID(), a.Epoch(), b.Epoch())
	}
}

func TestSecondProcessOnOneFolderIsRefusedAtOnce(t *testing.T) {
	dir := t.TempDir()
	_, closeFirst := storetest.OpenDir(t, dir)
	defer closeFirst()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := store.Open(ctx, store.Config{DataDir: dir, UnsafeNoFsync: true})
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want ErrInUse with the folder's name", err)
	}
}

func TestScopedStoreSharesConnectionAndDoesNotCloseIt(t *testing.T) {
	st := storetest.Open(t)
	scanner := st.Scoped("scanner")
	if got, want := scanner.Prefix(), store.DefaultPrefix+"/scanner"; got != want {
		t.Errorf("prefix %q, want %q", got, want)
	}
	if again := scanner.Scoped("scanner"); again.Prefix() != scanner.Prefix() {
		t.Errorf("scoped twice: %q", again.Prefix())
	}
	if err := scanner.Close(); err != nil {
		t.Error(err)
	}
	if err := st.Check(t.Context()); err != nil {
		t.Errorf("after closing the scoped store: %v", err)
	}
}

func TestCheckTellsOfAnAlarm(t *testing.T) {
	st, err := store.Open(t.Context(), store.Config{DataDir: t.TempDir(), UnsafeNoFsync: true, QuotaBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	if err := st.Check(t.Context()); err != nil {
		t.Fatalf("a fresh store: %v", err)
	}
	value := strings.Repeat("x", 256<<10)
	for range 400 {
		if _, err := st.Client().Put(t.Context(), st.Prefix()+"/big", value); err != nil {
			break
		}
	}
	if err := st.Check(t.Context()); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "NOSPACE") {
		t.Errorf("a full store: got %v", err)
	}
}

func TestStoreOfEndpoints(t *testing.T) {
	endpoint := storetest.Serve(t)
	cfg := store.Config{Endpoints: []string{endpoint}, Prefix: "mine/"}
	st, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	if st.Prefix() != "/mine" || st.Embedded() {
		t.Errorf("prefix %q, embedded %v", st.Prefix(), st.Embedded())
	}
	if err := st.Check(t.Context()); err != nil {
		t.Error(err)
	}
	resp, err := st.Client().Get(t.Context(), "/mine/epoch", clientv3.WithCountOnly())
	if err != nil || resp.Count != 1 {
		t.Errorf("the epoch is not under the prefix: %v, %v", resp, err)
	}
}

func TestEndpointThatDoesNotAnswerIsUnavailable(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := store.Open(ctx, store.Config{Endpoints: []string{"http://127.0.0.1:1"}})
	if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
