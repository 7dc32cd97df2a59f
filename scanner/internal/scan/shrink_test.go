// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

var (
	app      = object.KeyOf("", "app")
	alphabet = strings.Split("abcdefghijklmnopqrstuvwxyz", "")
)

// shrinking is a registry of one repository whose tags the test changes.
type shrinking struct {
	mu   sync.Mutex
	tags []string
	err  error
}

func (s *shrinking) set(tags []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tags, s.err = tags, err
}

func (s *shrinking) list(context.Context, string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tags, s.err
}

// startAlphabet scans the alphabet once.
func startAlphabet(t *testing.T, st *store.Store, change ...func(*Loop)) (*replica, *shrinking) {
	t.Helper()
	listed := &shrinking{tags: alphabet}
	r := start(t, st, listed.list, change...)
	r.apply("app", "ghcr.io/app")
	r.until("app", ready)
	return r, listed
}

func TestShrunkSetIsTakenAfterEqualListings(t *testing.T) {
	r, listed := startAlphabet(t, storetest.Open(t), func(l *Loop) { l.confirmAfter = 0 })
	for i, step := range []struct {
		tags  []string
		taken bool
		held  int32
	}{
		{[]string{"a"}, false, 1},
		{[]string{"a"}, false, 2},
		{[]string{"b"}, false, 1}, // another one: counted anew
		{alphabet, true, 0},
		{[]string{"b"}, false, 1}, // not in a row any more
		{nil, false, 1},
		{nil, false, 2},
		{nil, true, 0},
		{[]string{"c"}, true, 0},
	} {
		listed.set(step.tags, nil)
		outcome, err := r.Scan(t.Context(), app)
		if (err == nil) != step.taken {
			t.Errorf("step %d: %v, %v", i, outcome.Result, err)
		}
		if held := outcome.Repository.GetStatus().GetHeldScan(); held.GetCount() != step.held {
			t.Errorf("step %d: held %v, want %d times", i, held, step.held)
		}
	}
}

func TestHeldListingIsCountedAcrossRestartsAndFailures(t *testing.T) {
	st := storetest.Open(t)
	quick := func(l *Loop) { l.confirmAfter = 0 }
	r, listed := startAlphabet(t, st, quick)
	listed.set([]string{"a", "b"}, nil)
	first, err := r.Scan(t.Context(), app)
	failure, ok := errors.AsType[*source.Error](err)
	if !ok || failure.Reason != reasonShrank {
		t.Fatalf("got %v", err)
	}
	listed.set(nil, &source.Error{Reason: source.ReasonReadOperationFailed, Sentence: "scan failed: away"})
	failed, err := r.Scan(t.Context(), app)
	if err == nil || !proto.Equal(failed.Repository.GetStatus().GetHeldScan(), first.Repository.GetStatus().GetHeldScan()) {
		t.Errorf("after a failure %v, %v", failed.Repository.GetStatus(), err)
	}
	r.stop()
	// Its second listing is the one that a scanner makes of an object that is not ready as it starts.
	again := start(t, st, func(context.Context, string) ([]string, error) { return []string{"a", "b"}, nil }, quick)
	got := again.until("app", func(o state.Repository) bool { return o.GetStatus().GetHeldScan().GetCount() == 2 })
	held := got.GetStatus().GetHeldScan()
	if held.GetTagCount() != 2 || !held.GetFirstTime().AsTime().Equal(first.Repository.GetStatus().GetHeldScan().GetFirstTime().AsTime()) ||
		!held.GetLastTime().AsTime().After(held.GetFirstTime().AsTime()) {
		t.Errorf("held %v, at first %v", held, first.Repository.GetStatus().GetHeldScan())
	}
	if _, err := again.Scan(t.Context(), app); err != nil || tags(t, again, "app") != "a b" {
		t.Errorf("the third: %v", err)
	}
}

func TestEqualListingsAreNotBelievedWithinTheHour(t *testing.T) {
	r, listed := startAlphabet(t, storetest.Open(t))
	listed.set(alphabet[:5], nil)
	for range confirmListings + 1 {
		if _, err := r.Scan(t.Context(), app); err == nil {
			t.Fatal("it was taken")
		}
	}
	got := r.until("app", func(o state.Repository) bool { return o.GetStatus().GetHeldScan().GetCount() > confirmListings })
	want := "scan held back: of 26 tags the registry no longer lists 21, and the old ones are kept; if they are meant to be gone, " +
		"run `tidemark reconcile image repository app -n flux-system --accept-shrink`; else 3 equal listings over at least an hour are believed"
	if c := conditions.Ready(got.GetStatus()); c.GetMessage() != want || c.GetReason() != "TagSetShrank" {
		t.Errorf("condition %v, want %s", c, want)
	}
	if got.GetStatus().GetLastScanResult().GetTagCount() != 26 || tags(t, r, "app") != strings.Join(alphabet, " ") {
		t.Error("the old tags are not kept")
	}
}

func TestShrinkIsTakenFromWhoAcceptsIt(t *testing.T) {
	r, listed := startAlphabet(t, storetest.Open(t))
	listed.set([]string{"z"}, nil)
	if _, err := r.Scan(t.Context(), app); err == nil {
		t.Fatal("it was taken unasked")
	}
	outcome, err := r.ScanAcceptingShrink(t.Context(), app)
	if err != nil || outcome.Result.GetTagCount() != 1 || outcome.Repository.GetStatus().GetHeldScan() != nil || !ready(outcome.Repository) {
		t.Errorf("%v, %v", outcome, err)
	}
}

func TestLimitOfTheShrinkIsTheOperators(t *testing.T) {
	for _, tt := range []struct {
		limit float64
		left  int
		taken bool
	}{
		{0, 13, true}, {0, 12, false}, // half
		{0.1, 24, true}, {0.1, 23, false},
		{1, 0, true}, // none
	} {
		r, listed := startAlphabet(t, storetest.Open(t), func(l *Loop) {
			if tt.limit > 0 {
				l.maxShrink = tt.limit
			}
		})
		listed.set(alphabet[:tt.left], nil)
		if _, err := r.Scan(t.Context(), app); (err == nil) != tt.taken {
			t.Errorf("limit %v, %d of 26 left: %v", tt.limit, tt.left, err)
		}
		r.stop()
	}
}

func TestChangeOfExclusionsIsNoShrink(t *testing.T) {
	r, _ := startAlphabet(t, storetest.Open(t))
	r.applyExcluding("app", "ghcr.io/app", "[b-z]")
	r.until("app", func(o state.Repository) bool { return ready(o) && o.GetStatus().GetLastScanResult().GetTagCount() == 1 })
}
