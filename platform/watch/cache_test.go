// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/platform/watch"
)

const prefix = "/w/"

// joined is a cache whose groups are keys' first segments, and whose values are their members' values, joined.
type joined = watch.Cache[string, string]

func started(t *testing.T, st *store.Store, ring int) *joined {
	t.Helper()
	c := watch.New(watch.Config[string, string]{
		Client: st.Client(),
		Prefix: prefix,
		Group: func(key string) (string, bool) {
			group, _, ok := strings.Cut(key, "/")
			return group, ok
		},
		Compose: func(_ string, members map[string]watch.KV) (string, bool) {
			var parts []string
			for _, name := range slices.Sorted(maps.Keys(members)) {
				parts = append(parts, string(members[name].Value))
			}
			return strings.Join(parts, "+"), true
		},
		RingSize: ring,
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		if err := c.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-c.Done() })
	select {
	case <-c.Ready():
	case <-time.After(20 * time.Second):
		t.Fatal("not ready")
	}
	return c
}

func do(t *testing.T, st *store.Store, ops ...clientv3.Op) (revision int64) {
	t.Helper()
	resp, err := st.Client().Txn(t.Context()).Then(ops...).Commit()
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.GetRevision()
}

func put(key, value string) clientv3.Op { return clientv3.OpPut(prefix+key, value) }

func since(t *testing.T, c *joined, revision int64) string {
	t.Helper()
	changes, err := c.Since(revision)
	if err != nil {
		return err.Error()
	}
	var parts []string
	for _, item := range changes.Items {
		if item.Present {
			parts = append(parts, item.ID+"="+item.Value)
		} else {
			parts = append(parts, item.ID+" gone")
		}
	}
	return strings.Join(parts, ", ")
}

func TestGroupsAreComposedAndRevisionsAreWhole(t *testing.T) {
	st := storetest.Open(t)
	before := do(t, st, put("a/1", "x"), put("a/2", "y"), put("ignored", "z"))
	c := started(t, st, 0)
	if got, _ := c.Get("a"); got != "x+y" {
		t.Errorf("listed %q", got)
	}
	after := do(t, st, put("b/1", "n"), clientv3.OpDelete(prefix+"a/1"))
	if err := c.WaitFor(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	if got := since(t, c, before); got != "b=n, a=y" && got != "a=y, b=n" {
		t.Errorf("since the listing: %s", got)
	}
	if got := since(t, c, after); got != "" {
		t.Errorf("since the end: %s", got)
	}
	after = do(t, st, clientv3.OpDelete(prefix, clientv3.WithPrefix()))
	if err := c.WaitFor(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	if items, _ := c.Snapshot(); len(items) != 0 {
		t.Errorf("after deleting all: %v", items)
	}
}

func TestListingHasManyPages(t *testing.T) {
	st := storetest.Open(t)
	for i := range 12 {
		var ops []clientv3.Op
		for j := range 100 {
			ops = append(ops, put(fmt.Sprintf("g%d/%d", i, j), "x"))
		}
		do(t, st, ops...)
	}
	c := started(t, st, 0)
	for i := range 12 {
		if got, _ := c.Get(fmt.Sprintf("g%d", i)); len(got) != 199 {
			t.Errorf("g%d: %d bytes", i, len(got))
		}
	}
}

func TestWaitForReachesRevisionsOfOtherPrefixes(t *testing.T) {
	st := storetest.Open(t)
	c := started(t, st, 0)
	elsewhere := do(t, st, clientv3.OpPut("/elsewhere", "x"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.WaitFor(ctx, elsewhere); err != nil {
		t.Fatal(err)
	}
	if c.Revision() < elsewhere {
		t.Errorf("at %d, want %d", c.Revision(), elsewhere)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.WaitFor(ctx, elsewhere+100); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("for a revision that never comes: %v", err)
	}
}

func TestForgottenChangesComeFromHistory(t *testing.T) {
	st := storetest.Open(t)
	first := do(t, st, put("a/1", "x"))
	do(t, st, put("b/1", "x"))
	do(t, st, put("c/1", "x"))
	do(t, st, put("b/1", "y"))
	do(t, st, clientv3.OpDelete(prefix+"c/1"))
	do(t, st, clientv3.OpPut("/elsewhere", "x"))
	c := started(t, st, 2)
	if c.Remembers(first) {
		t.Error("says that it remembers what was before it")
	}
	if _, err := c.Since(first); !errors.Is(err, watch.ErrBehind) {
		t.Errorf("got %v", err)
	}
	ids, upTo, err := c.History(t.Context(), first)
	if err != nil || !slices.Equal(ids, []string{"b", "c"}) || upTo != c.Revision() {
		t.Errorf("got %v up to %d, %v", ids, upTo, err)
	}
	if _, err := st.Client().Compact(t.Context(), upTo); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.History(t.Context(), first); !errors.Is(err, watch.ErrCompacted) {
		t.Errorf("after a compaction: %v", err)
	}
}

func TestRingForgetsTheOldestFirst(t *testing.T) {
	st := storetest.Open(t)
	c := started(t, st, 3)
	revisions := []int64{c.Revision()}
	for i := range 5 {
		revisions = append(revisions, do(t, st, put(fmt.Sprintf("k%d/1", i), "x")))
	}
	if err := c.WaitFor(t.Context(), revisions[5]); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, false, true, true, true, true} {
		if got := c.Remembers(revisions[i]); got != want {
			t.Errorf("remembers the changes after write %d: %v", i, got)
		}
	}
	if got := since(t, c, revisions[2]); got != "k2=x, k3=x, k4=x" {
		t.Errorf("got %s", got)
	}
}
