// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

func (f *fixture) tracked(now time.Time) map[string]string {
	f.t.Helper()
	tracked, err := f.Tracked(f.t.Context(), f.uid, now)
	if err != nil {
		f.t.Fatal(err)
	}
	digests := map[string]string{}
	for _, t := range tracked {
		digests[t.Tag] = t.Digest
	}
	return digests
}

func TestTrackedTagsKeepTheFirstDigestToldAndAreForgottenAfterADay(t *testing.T) {
	f := open(t)
	now := time.Now()
	track := func(tag, digest string, at time.Time) {
		t.Helper()
		if err := f.Track(t.Context(), f.uid, tag, digest, at); err != nil {
			t.Fatal(err)
		}
	}
	track("a", "sha256:1", now)
	track("b", "sha256:1", now)
	track("a", "sha256:2", now.Add(2*time.Hour)) // others were told the first one
	if err := f.Pushed(t.Context(), f.uid, "a", now); err != nil {
		t.Fatal(err)
	}
	if got := f.tracked(now); len(got) != 2 || got["a"] != "sha256:1" {
		t.Errorf("%v", got)
	}
	if got := f.tracked(now.Add(25 * time.Hour)); len(got) != 1 || got["a"] != "sha256:1" {
		t.Errorf("a day after only a is still asked for: %v", got)
	}
	if got := f.tracked(now); len(got) != 1 {
		t.Errorf("what is forgotten is gone: %v", got)
	}
	track("a", "sha256:3", now.Add(48*time.Hour))
	if got := f.tracked(now.Add(48 * time.Hour)); got["a"] != "sha256:3" {
		t.Errorf("it began anew: %v", got)
	}
}

func TestADigestIsNotedWithItsSwapAndNotWithoutIt(t *testing.T) {
	f := open(t)
	f.swap("a", "b")
	now := time.Now()
	if err := f.Track(t.Context(), f.uid, "a", "sha256:1", now); err != nil {
		t.Fatal(err)
	}
	tracked, err := f.Tracked(t.Context(), f.uid, now)
	if err != nil {
		t.Fatal(err)
	}
	tracked[0].Digest = "sha256:2"
	was := f.set()
	moved := Swap{Was: was, Told: tracked, Mutate: func(Repository) error { return nil }}
	plan, err := tagset.Merge(was.Head, was.Reader(t.Context()), tagset.Scan{
		UID: f.uid, Tags: []string{"a", "b"}, Started: now, Finished: now, Moved: map[string]string{"a": "sha256:2"}})
	if err != nil || !slices.Equal(plan.Head.Moved, []string{"a"}) || plan.Head.Revision != was.Head.Revision {
		t.Fatalf("%+v, %v", plan.Head, err)
	}
	moved.Head, moved.Write = plan.Head, plan.Write
	moved.Was.Revision--
	if _, err := f.Swap(t.Context(), f.key, moved); err == nil || f.tracked(now)["a"] != "sha256:1" {
		t.Errorf("a swap that failed noted a digest: %v", err)
	}
	moved.Was.Revision++
	if _, err := f.Swap(t.Context(), f.key, moved); err != nil || f.tracked(now)["a"] != "sha256:2" {
		t.Errorf("%v, %v", f.tracked(now), err)
	}
	if err := f.Told(t.Context(), f.uid, []Tracked{{Tag: "a", Digest: "sha256:0", revision: 1}}); err != nil || f.tracked(now)["a"] != "sha256:2" {
		t.Errorf("a note that came late stands: %v, %v", f.tracked(now), err)
	}
}

// swap stores a set.
func (f *fixture) swap(tags ...string) {
	f.t.Helper()
	if _, err := f.Swap(f.t.Context(), f.key, f.plan(f.set(), time.Now(), tags...)); err != nil {
		f.t.Fatal(err)
	}
}

func TestTheTagTrackedLongestMakesRoomForOthersOfItsKind(t *testing.T) {
	f := open(t)
	now := time.Now()
	pushed := func(i int) {
		t.Helper()
		if err := f.Pushed(t.Context(), f.uid, fmt.Sprintf("p%03d", i), now.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	asked := func(i int) {
		t.Helper()
		if err := f.Track(t.Context(), f.uid, fmt.Sprintf("t%03d", i), "sha256:1", now.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	asked(0)
	for i := range maxPushed {
		pushed(i)
	}
	if err := f.Track(t.Context(), f.uid, "p000", "", now); err != nil { // somebody asks for it, too
		t.Fatal(err)
	}
	pushed(maxPushed)
	pushed(maxPushed + 1)
	got := f.tracked(now)
	_, first := got["p000"]
	_, second := got["p001"]
	if _, policys := got["t000"]; len(got) != maxPushed+2 || !first || second || !policys {
		t.Errorf("%d: %v", len(got), got)
	}
	for i := range maxAsked + 1 {
		asked(i)
	}
	got = f.tracked(now)
	_, oldest := got["t000"]
	if _, last := got[fmt.Sprintf("t%03d", maxAsked)]; len(got) != maxAsked+maxPushed || oldest || !last {
		t.Errorf("%d, the oldest %t, the last %t", len(got), oldest, last)
	}
}

// run keeps the cache of the objects.
func (f *fixture) run() {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Repositories.Run(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			f.t.Error(err)
		}
	})
	<-f.Repositories.Ready()
}

func TestMetadataThatNobodyAsksForIsSwept(t *testing.T) {
	f := open(t)
	ctx, now := t.Context(), time.Now()
	f.run()
	put := func(uid, digest string, used time.Time) {
		t.Helper()
		if _, err := f.client.Put(ctx, f.metadataPrefix(uid)+digest, string(date([]byte("facts of "+digest), used))); err != nil {
			t.Fatal(err)
		}
	}
	put(f.uid, "sha256:now", now)
	put(f.uid, "sha256:weeks", now.Add(-20*24*time.Hour))
	put(f.uid, "sha256:old", now.Add(-40*24*time.Hour))
	put("gone", "sha256:now", now)
	for _, digest := range []string{"sha256:now", "sha256:weeks"} {
		if got, err := f.Metadata(ctx, f.uid, digest); err != nil || string(got) != "facts of "+digest {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := f.Track(ctx, "gone", "a", "sha256:1", now); err != nil {
		t.Fatal(err)
	}
	if swept, err := f.SweepMetadata(ctx, now); err != nil || swept != 2 {
		t.Errorf("%d, %v", swept, err)
	}
	if swept, err := f.SweepTracked(ctx, now); err != nil || swept != 1 {
		t.Errorf("%d, %v", swept, err)
	}
	later := now.Add(25 * 24 * time.Hour) // both were asked for today
	if swept, err := f.SweepMetadata(ctx, later); err != nil || swept != 0 {
		t.Errorf("%d, %v", swept, err)
	}
	if got, err := f.Metadata(ctx, f.uid, "sha256:old"); err != nil || got != nil {
		t.Errorf("%q, %v", got, err)
	}
}
