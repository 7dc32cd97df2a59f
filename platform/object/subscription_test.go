// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

func TestWatchHasSnapshotCheckpointChanges(t *testing.T) {
	s := opened(t)
	apply(t, s, repo("b", "one"))
	apply(t, s, repo("a", "one"))
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	sub := subscribe(t, s, object.Filter{}, "")
	expect(t, sub, "+a one 1/0", "+b one 1/0", ".!")
	apply(t, s, repo("a", "two"))
	expect(t, sub, "+a two 2/0!")
	if _, err := s.UpdateStatus(t.Context(), key("b"), "", setGeneration(1)); err != nil {
		t.Fatal(err)
	}
	expect(t, sub, "+b one 1/1!")
	override := &metav1.Override{Suspension: &metav1.Suspension{Actor: "me"}}
	if _, err := s.SetOverride(t.Context(), key("b"), override); err != nil {
		t.Fatal(err)
	}
	if event := next(t, sub); event.Changed.GetOverride().GetSuspension().GetActor() != "me" {
		t.Errorf("after the override: %v", event)
	}
	if err := s.Delete(t.Context(), key("a")); err != nil {
		t.Fatal(err)
	}
	expect(t, sub, "-a!")
}

func TestChangesAreMergedAndOneTokenEndsThem(t *testing.T) {
	s := opened(t)
	sub := subscribe(t, s, object.Filter{}, "")
	expect(t, sub, ".!")
	for i := range 5 {
		apply(t, s, repo("a", fmt.Sprint(i)))
		apply(t, s, repo("b", fmt.Sprint(i)))
	}
	apply(t, s, repo("gone", "x"))
	if err := s.Delete(t.Context(), key("gone")); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, sub, "+a 4 5/0", "+b 4 5/0!")
}

func TestAllAndCachedShareOneMessage(t *testing.T) {
	s := opened(t)
	apply(t, s, repo("a", "one"))
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	cached, ok := s.Cached(key("a"))
	if !ok || len(s.All()) != 1 || s.All()[0] != cached {
		t.Error("the object was composed more than once")
	}
	sub := subscribe(t, s, object.Filter{}, "")
	if event := next(t, sub); event.Changed != cached {
		t.Error("the event has a copy")
	}
}

func TestObjectsThatLeaveTheFilterAreDeleted(t *testing.T) {
	s := opened(t)
	apply(t, s, repo("in", "one", "app", "web"))
	apply(t, s, repo("out", "one", "app", "db"))
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	filter := object.Filter{LabelSelector: "app=web"}
	sub := subscribe(t, s, filter, "")
	start := expect(t, sub, "+in one 1/0", ".!")

	apply(t, s, repo("out", "two", "app", "db")) // was out and stays out: no word of it
	apply(t, s, repo("in", "one", "app", "db"))
	expect(t, sub, "-in!")
	apply(t, s, repo("out", "two", "app", "web"))
	expect(t, sub, "+out two 2/0!")

	// Resumed from before all that, in any spelling of the selector: the reader may have known both.
	again := subscribe(t, s, object.Filter{LabelSelector: " app in (web)"}, "")
	expect(t, again, "+out two 2/0", ".!")
	resumed := subscribe(t, s, filter, start)
	expect(t, resumed, "-in", "+out two 2/0!")
	apply(t, s, repo("out", "two"))
	expect(t, resumed, "-out!")
	apply(t, s, repo("in", "three", "app", "db"))
	apply(t, s, repo("last", "x", "app", "web"))
	expect(t, resumed, "+last x 1/0!")
}

func TestResumedWatchKnowsWhatItsReaderKnows(t *testing.T) {
	s := opened(t)
	apply(t, s, repo("a", "one", "app", "web"))
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	filter := object.Filter{LabelSelector: "app=web"}
	token := expect(t, subscribe(t, s, filter, ""), "+a one 1/0", ".!")
	resumed := subscribe(t, s, filter, token)
	apply(t, s, repo("a", "one")) // told before the resumption, left after it
	expect(t, resumed, "-a!")
}

func TestResumeTellsEachLaterChangeOnceAcrossARestart(t *testing.T) {
	dir := t.TempDir()
	st, closeStore := storetest.OpenDir(t, dir)
	s, stop := running(t, st)
	apply(t, s, repo("kept", "one"))
	apply(t, s, repo("changed", "one"))
	apply(t, s, repo("deleted", "one"))
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	token := expect(t, subscribe(t, s, object.Filter{}, ""), "+changed one 1/0", "+deleted one 1/0", "+kept one 1/0", ".!")
	apply(t, s, repo("changed", "two"))
	if err := s.Delete(t.Context(), key("deleted")); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Client().Put(t.Context(), "/elsewhere", "moves the revision on"); err != nil {
		t.Fatal(err)
	}
	stop()
	closeStore()

	st, closeStore = storetest.OpenDir(t, dir)
	defer closeStore()
	s, stop = running(t, st)
	defer stop()
	resumed := subscribe(t, s, object.Filter{}, token)
	later := expect(t, resumed, "+changed two 2/0", "-deleted!")
	apply(t, s, repo("new", "one"))
	expect(t, resumed, "+new one 1/0!")
	expect(t, subscribe(t, s, object.Filter{}, later), "+new one 1/0!")
}

func TestTokensAreCheckedForTheirOrigin(t *testing.T) {
	st := storetest.Open(t)
	s, _ := running(t, st)
	other := opened(t)
	token := func(s *repositories, f object.Filter) string {
		return expect(t, subscribe(t, s, f, ""), ".!")
	}
	mine := token(s, object.Filter{})
	mangled := []byte(mine)
	mangled[len(mangled)/2] ^= 1
	future := func() string { // a token of the same store at a revision that another copy of it has not reached
		apply(t, other, repo("x", "1"))
		if err := other.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		return expect(t, subscribe(t, other, object.Filter{}, ""), "+x 1 1/0", ".!")
	}()
	for name, tt := range map[string]struct {
		filter object.Filter
		token  string
	}{
		"of another store":     {token: token(opened(t), object.Filter{})},
		"of another filter":    {token: mine, filter: object.Filter{Namespace: "apps"}},
		"of another selector":  {token: mine, filter: object.Filter{LabelSelector: "a=b"}},
		"mangled":              {token: string(mangled)},
		"none":                 {token: "hello"},
		"of a store elsewhere": {token: future},
	} {
		if _, err := s.Subscribe(t.Context(), tt.filter, tt.token); !errors.Is(err, object.ErrTokenForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Subscribe(t.Context(), object.Filter{LabelSelector: "((("}, ""); len(rpcerr.FieldViolations(err)) != 1 {
		t.Errorf("a bad selector: %v", err)
	}
}

func TestRestoredStoreMakesOldTokensForeign(t *testing.T) {
	dir := t.TempDir()
	st, closeStore := storetest.OpenDir(t, dir)
	s, stop := running(t, st)
	token := expect(t, subscribe(t, s, object.Filter{}, ""), ".!")
	if _, err := st.Client().Delete(t.Context(), st.Prefix()+"/epoch"); err != nil {
		t.Fatal(err)
	}
	stop()
	closeStore()
	st, closeStore = storetest.OpenDir(t, dir)
	defer closeStore()
	s, stop = running(t, st)
	defer stop()
	if _, err := s.Subscribe(t.Context(), object.Filter{}, token); !errors.Is(err, object.ErrTokenForeign) {
		t.Errorf("got %v", err)
	}
}

func TestCompactedTokenIsExpired(t *testing.T) {
	dir := t.TempDir()
	st, closeStore := storetest.OpenDir(t, dir)
	s, stop := running(t, st)
	token := expect(t, subscribe(t, s, object.Filter{}, ""), ".!")
	apply(t, s, repo("a", "1"))
	apply(t, s, repo("a", "2"))
	version := apply(t, s, repo("a", "3")).GetMetadata().GetResourceVersion()
	var revision int64
	if _, err := fmt.Sscan(version, &revision); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Client().Compact(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
	stop()
	closeStore()
	st, closeStore = storetest.OpenDir(t, dir)
	defer closeStore()
	s, stop = running(t, st)
	defer stop()
	if _, err := s.Subscribe(t.Context(), object.Filter{}, token); !errors.Is(err, object.ErrTokenExpired) {
		t.Errorf("got %v", err)
	}
}

func TestSlowConsumerIsCutAndResumesFromHistory(t *testing.T) {
	s := opened(t, object.WithRingSize(4))
	sub := subscribe(t, s, object.Filter{}, "")
	token := expect(t, sub, ".!")
	for i := range 6 {
		apply(t, s, repo(fmt.Sprintf("r%d", i), "one"))
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := sub.Next(t.Context()); !errors.Is(err, object.ErrSlowConsumer) {
		t.Fatalf("got %v", err)
	}
	resumed := subscribe(t, s, object.Filter{}, token)
	expect(t, resumed, "+r0 one 1/0", "+r1 one 1/0", "+r2 one 1/0", "+r3 one 1/0", "+r4 one 1/0", "+r5 one 1/0!")
}

func TestIdleWatchHasCheckpointsThatMoveOn(t *testing.T) {
	s := opened(t, object.WithCheckpointEvery(20*time.Millisecond))
	sub := subscribe(t, s, object.Filter{Namespace: "quiet"}, "")
	first := expect(t, sub, ".!")
	apply(t, s, repo("elsewhere", "one"))
	for token := first; token == first; {
		token = expect(t, sub, ".!")
	}
}

func TestAttachmentsBelongToTheirObject(t *testing.T) {
	st := storetest.Open(t)
	s, _ := running(t, st, object.WithAttachment("taghead"))
	sub := subscribe(t, s, object.Filter{}, "")
	expect(t, sub, ".!")
	apply(t, s, repo("a", "one"))
	expect(t, sub, "+a one 1/0!")
	head := func(value string) {
		_, err := s.UpdateStatus(t.Context(), key("a"), "", func(repository) error { return nil },
			clientv3.OpPut(s.Key("taghead", key("a")), value))
		if err != nil {
			t.Fatal(err)
		}
	}
	head("h1")
	event := next(t, sub)
	attachment := event.Attachments["taghead"]
	if string(attachment.Value) != "h1" || attachment.Revision == 0 || event.Changed.GetSpec().GetImage() != "one" {
		t.Errorf("got %v", event)
	}
	if got, ok := s.Attachment("taghead", key("a")); !ok || got.Revision != attachment.Revision {
		t.Errorf("in the cache: %v, %v", got, ok)
	}
	if err := s.Delete(t.Context(), key("a")); err != nil {
		t.Fatal(err)
	}
	expect(t, sub, "-a!")
	if _, ok := s.Attachment("taghead", key("a")); ok {
		t.Error("the attachment outlived its object")
	}
}

func TestReplicaThatIsBehindWaitsForTheTokensRevision(t *testing.T) {
	st := storetest.Open(t)
	ahead, _ := running(t, st)
	behind, _ := running(t, st)
	for i := range 20 {
		apply(t, ahead, repo("a", fmt.Sprint(i)))
		if err := ahead.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		image := fmt.Sprintf("+a %d %d/0", i, i+1)
		token := expect(t, subscribe(t, ahead, object.Filter{}, ""), image, ".!")
		resumed := subscribe(t, behind, object.Filter{}, token)
		apply(t, ahead, repo(fmt.Sprintf("b%d", i), "one"))
		expect(t, resumed, fmt.Sprintf("+b%d one 1/0!", i))
		if err := ahead.Delete(t.Context(), key(fmt.Sprintf("b%d", i))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSubscriptionsEndWithTheStore(t *testing.T) {
	st := storetest.Open(t)
	s, stop := running(t, st)
	sub := subscribe(t, s, object.Filter{}, "")
	expect(t, sub, ".!")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := subscribe(t, s, object.Filter{Namespace: "x"}, "").Next(ctx); err != nil {
		t.Errorf("what is there already is told: %v", err)
	}
	if _, err := sub.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("its context ended: %v", err)
	}
	stop()
	if _, err := sub.Next(t.Context()); !errors.Is(err, object.ErrShuttingDown) {
		t.Errorf("the store ended: %v", err)
	}
	late := newRepositories(st)
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := late.Run(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Run: %v", err)
	}
	if _, err := late.Subscribe(t.Context(), object.Filter{}, ""); !errors.Is(err, object.ErrShuttingDown) {
		t.Errorf("a store that never was ready: %v", err)
	}
}
