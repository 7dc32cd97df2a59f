// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

const soon = 20 * time.Second

// joined makes a member and runs it until stop or the test's end.
func joined(t *testing.T, st *store.Store, opts ...Option) (m *Membership, stop func()) {
	t.Helper()
	m, err := Join(t.Context(), st, "scanner", opts...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := m.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return m, stop
}

// eventually waits for the condition, which can become true only when one of the memberships changes.
func eventually(t *testing.T, what string, m *Membership, condition func() bool) {
	t.Helper()
	deadline := time.After(soon)
	for {
		changed := m.Changed()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("never: %s; the members are %v", what, m.Members())
		}
	}
}

func shardKeys() []string {
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("flux-system/repository-%d", i)
	}
	return keys
}

func owned(m *Membership) map[string]bool {
	mine := map[string]bool{}
	for _, key := range shardKeys() {
		if m.Owns(key) {
			mine[key] = true
		}
	}
	return mine
}

func TestOneMemberOwnsAll(t *testing.T) {
	m, _ := joined(t, storetest.Open(t))
	if n := len(owned(m)); n != len(shardKeys()) {
		t.Errorf("owns %d of %d", n, len(shardKeys()))
	}
}

func TestTwoMembersSplitAndOneThatLeavesGivesItsKeysBack(t *testing.T) {
	st := storetest.Open(t)
	a, _ := joined(t, st)
	b, stopB := joined(t, st.Scoped("scanner"))
	eventually(t, "a sees b", a, func() bool { return len(a.Members()) == 2 })
	ofA, ofB := owned(a), owned(b)
	for _, key := range shardKeys() {
		if ofA[key] == ofB[key] {
			t.Fatalf("%s: a owns it: %v, b owns it: %v", key, ofA[key], ofB[key])
		}
	}
	if len(ofA) < 400 || len(ofA) > 600 {
		t.Errorf("a owns %d of %d", len(ofA), len(shardKeys()))
	}
	stopB()
	if err := b.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(owned(b)) != 0 {
		t.Error("b has left and owns keys")
	}
	eventually(t, "a owns all", a, func() bool { return len(owned(a)) == len(shardKeys()) })
}

func TestMemberWhoseLeaseEndsLosesItsKeysAndComesBack(t *testing.T) {
	st := storetest.Open(t)
	a, _ := joined(t, st)
	b, stopB := joined(t, st, WithTTL(time.Second))
	eventually(t, "a sees b", a, func() bool { return len(a.Members()) == 2 })
	stopB() // as if it had died: nobody renews its lease
	eventually(t, "a owns all", a, func() bool { return len(owned(a)) == len(shardKeys()) })
	if len(owned(b)) != 0 {
		t.Error("b's lease has ended and it owns keys")
	}

	lost := a.leaseID()
	if _, err := st.Client().Revoke(t.Context(), lost); err != nil { // a runs: it takes a new lease
		t.Fatal(err)
	}
	eventually(t, "a is back", a, func() bool { return a.leaseID() != lost && len(owned(a)) == len(shardKeys()) })
}

func TestMembersOfAnEarlierProcessAreGoneAtOnceFromAnEmbeddedStore(t *testing.T) {
	dir := t.TempDir()
	st, closeStore := storetest.OpenDir(t, dir)
	if _, err := Join(t.Context(), st, "scanner", WithTTL(time.Hour)); err != nil {
		t.Fatal(err)
	}
	closeStore()
	st, closeStore = storetest.OpenDir(t, dir)
	t.Cleanup(closeStore)
	m, stop := joined(t, st)
	if n := len(owned(m)); n != len(shardKeys()) {
		t.Errorf("owns %d of %d; the members are %v", n, len(shardKeys()), m.Members())
	}
	stop()
}

func TestRendezvousMovesOnlyTheKeysOfWhoComesOrGoes(t *testing.T) {
	three, four := []string{"a", "b", "c"}, []string{"a", "b", "c", "d"}
	moved := 0
	for _, key := range shardKeys() {
		before, after := owner(three, key), owner(four, key)
		if before != after {
			moved++
			if after != "d" {
				t.Errorf("%s moved from %s to %s when d came", key, before, after)
			}
		}
	}
	if moved < 180 || moved > 320 {
		t.Errorf("%d of %d keys moved to the fourth member", moved, len(shardKeys()))
	}
}

func TestRendezvousIsTheSameInEveryVersion(t *testing.T) {
	for key, want := range map[string]string{"flux-system/podinfo": "c", "apps/web": "c", "": "b", "a": "c", "9": "a"} {
		for _, members := range [][]string{{"a", "b", "c"}, {"c", "b", "a"}} {
			if got := owner(members, key); got != want {
				t.Errorf("%q among %v: got %s, want %s", key, members, got, want)
			}
		}
	}
	if got := owner(nil, "x"); got != "" {
		t.Errorf("without members: %q", got)
	}
}
