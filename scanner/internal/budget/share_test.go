// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

// replica runs budgets over the store until the test ends.
func replica(t *testing.T, st *store.Store) *Hosts {
	t.Helper()
	h, err := New(Config{Store: st})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	})
	return h
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !met() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func stateOf(h *Hosts, credential string) State {
	for _, host := range h.List() {
		if host.Credential == credential {
			return host.State
		}
	}
	return ""
}

func stored(t *testing.T, st *store.Store) []string {
	t.Helper()
	resp, err := st.Client().Get(t.Context(), st.Prefix()+"/scanner/hosts/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, kv := range resp.Kvs {
		if kv.Lease == 0 {
			t.Errorf("%s has no lease", kv.Key)
		}
		keys = append(keys, strings.TrimPrefix(string(kv.Key), st.Prefix()+"/scanner/hosts/"))
	}
	return keys
}

func TestReplicasSharePauses(t *testing.T) {
	st := storetest.Open(t)
	one, other := replica(t, st), replica(t, st)
	mine := one.Credential("user", "password")
	if other.Credential("user", "password") != mine {
		t.Fatal("the replicas have two names for one credential")
	}
	request := Request{Host: host, Credential: mine, Repository: host + "/a"}
	ask(t, one, request, fine)
	if keys := stored(t, st); len(keys) != 0 {
		t.Errorf("stored while all is well: %v", keys)
	}
	ask(t, one, request, pleaseWait("600"))
	eventually(t, "the other replica knows", func() bool { return stateOf(other, mine) == StateLimited })
	if pause := refused(t, other, request); !strings.Contains(pause.Error(), "(429 Too Many Requests)") {
		t.Errorf("the other says %q", pause)
	}
	if keys := stored(t, st); len(keys) != 1 || keys[0] != host+"/"+mine {
		t.Errorf("stored: %v", keys)
	}
	late := replica(t, st)
	eventually(t, "a replica that comes later knows", func() bool { return stateOf(late, mine) == StateLimited })

	// What little a window leaves is told too, and another credential's budget is its own.
	ask(t, other, Request{Host: host}, Outcome{Status: http.StatusOK, Header: headers("RateLimit", "limit=100, remaining=0, reset=600")})
	eventually(t, "the first replica knows", func() bool { return stateOf(one, Anonymous) == StateLimited })
}

func TestOnlyWhatTheOthersDoNotKnowIsWritten(t *testing.T) {
	st := storetest.Open(t)
	h := replica(t, st)
	var together []func(Outcome)
	for range defaultMaxInFlight {
		release, err := h.Acquire(t.Context(), Request{Host: host})
		if err != nil {
			t.Fatal(err)
		}
		together = append(together, release)
	}
	for _, release := range together {
		release(pleaseWait("600"))
	}
	ask(t, h, Request{Host: "plenty.example"}, Outcome{Status: 200, Header: headers("RateLimit", "limit=100, remaining=99, reset=600")})
	ask(t, h, Request{Host: "last.example"}, pleaseWait("600"))
	eventually(t, "both pauses are stored", func() bool { return len(stored(t, st)) == 2 })
	resp, err := st.Client().Get(t.Context(), st.Prefix()+"/scanner/hosts/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range resp.Kvs {
		if kv.Version != 1 {
			t.Errorf("%s was written %d times", kv.Key, kv.Version)
		}
	}
}

func TestWhatIsStoredIsNotTrusted(t *testing.T) {
	st := storetest.Open(t)
	h := replica(t, st)
	put := func(key string, value any) {
		t.Helper()
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Client().Put(t.Context(), st.Prefix()+"/scanner/hosts/"+key, string(text)); err != nil {
			t.Fatal(err)
		}
	}
	put("nonsense", 5)
	put("a.example/anonymous", "text")
	put("b.example/anonymous", record{Until: time.Now().Add(-time.Hour)})
	put("c.example/anonymous", record{Until: time.Now().Add(1000 * time.Hour)})
	put("d.example/anonymous", record{Until: time.Now().Add(time.Hour)})
	eventually(t, "the last is known", func() bool {
		return stateOf(h, Anonymous) != "" && h.List()[len(h.List())-1].Host == "d.example"
	})
	for _, host := range h.List() {
		if host.State == StateLimited && host.Host != "d.example" {
			t.Errorf("limited by what is stored: %+v", host)
		}
	}
}

func TestAStoreThatIsAwayHoldsNothingUp(t *testing.T) {
	st, closeStore := storetest.OpenDir(t, t.TempDir())
	closeStore()
	h, err := New(Config{Store: st})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := h.Open(ctx); err == nil {
		t.Error("opened without a store")
	}
	ask(t, h, Request{Host: host}, pleaseWait("600"))
	if pause := refused(t, h, Request{Host: host}); !errors.Is(pause, ErrLimited) {
		t.Errorf("refused with %v", pause)
	}
}
