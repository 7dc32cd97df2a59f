// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const host = "registry.example"

func newHosts(t *testing.T, maxInFlight int) *Hosts {
	t.Helper()
	h, err := New(Config{MaxInFlight: maxInFlight})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func of(repository string) Request {
	return Request{Host: host, Repository: host + "/" + repository, Patience: time.Hour}
}

// ask sends one request and says what came of it.
func ask(t *testing.T, h *Hosts, request Request, outcome Outcome) {
	t.Helper()
	release, err := h.Acquire(t.Context(), request)
	if err != nil {
		t.Fatalf("no turn: %v", err)
	}
	release(outcome)
}

func refused(t *testing.T, h *Hosts, request Request) *PauseError {
	t.Helper()
	request.Patience = 0
	release, err := h.Acquire(t.Context(), request)
	if err == nil {
		release(Outcome{})
		t.Fatal("a turn, want a pause")
	}
	pause, ok := errors.AsType[*PauseError](err)
	if !ok {
		t.Fatalf("%v, want a pause", err)
	}
	return pause
}

func only(t *testing.T, h *Hosts) Host {
	t.Helper()
	list := h.List()
	if len(list) != 1 {
		t.Fatalf("%d hosts, want one: %+v", len(list), list)
	}
	return list[0]
}

var (
	fine      = Outcome{Status: http.StatusOK}
	broken    = Outcome{Status: http.StatusBadGateway}
	unplugged = Outcome{Err: io.ErrUnexpectedEOF}
)

func pleaseWait(seconds string) Outcome {
	return Outcome{Status: http.StatusTooManyRequests, Header: headers("Retry-After", seconds)}
}

func TestNoMoreRequestsAreUnderWayThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 3)
		var now, most atomic.Int64
		var all sync.WaitGroup
		for i := range 60 {
			all.Go(func() {
				release, err := h.Acquire(t.Context(), of(fmt.Sprint("r", i%7)))
				if err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(time.Second)
				now.Add(-1)
				release(fine)
				release(broken) // only the first counts
			})
		}
		all.Wait()
		if most.Load() != 3 {
			t.Errorf("%d at once, want 3", most.Load())
		}
		if got := only(t, h); got.InFlight != 0 || got.Waiting != 0 || got.State != StateOK || got.Failures != 0 {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

// A listing of 1,000 pages and fifty of one page: each of the fifty waits for one page of the large one, not for all.
func TestALargeRepositoryDoesNotStarveSmallOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 1)
		request := func(repository string) {
			release, err := h.Acquire(t.Context(), of(repository))
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(time.Second)
			release(fine)
		}
		began := time.Now()
		var large, small sync.WaitGroup
		large.Go(func() {
			for range 1000 {
				request("large")
			}
		})
		synctest.Wait()
		for i := range 50 {
			small.Go(func() { request(fmt.Sprint("small", i)) })
		}
		small.Wait()
		if took := time.Since(began); took > 52*time.Second {
			t.Errorf("the small ones took %v, want at most the 50 s of their own requests and one or two of the large one's", took)
		}
		large.Wait()
		if took := time.Since(began); took != 1050*time.Second {
			t.Errorf("all took %v, want 1,050 s: no turn is lost", took)
		}
	})
}

// Whoever waits: between two turns of one repository, every other that waits all the while has exactly one, and in one
// repository turns are in the order of asking.
func TestTurnsAreFair(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		var q queue
		asked := map[string]int{}
		for range 200 {
			repository := fmt.Sprint(random.IntN(8))
			asked[repository]++
			q.push(&waiter{repository: repository, sent: time.Unix(int64(asked[repository]), 0)})
		}
		served := map[string]int{}
		var round []string
		for q.repositories() > 0 {
			w := q.pop()
			served[w.repository]++
			if int64(served[w.repository]) != w.sent.Unix() {
				t.Fatalf("seed %d: repository %s is served out of order", seed, w.repository)
			}
			if slices.Contains(round, w.repository) {
				round = nil
			}
			round = append(round, w.repository)
			for other := range asked {
				if served[other] < asked[other] && served[other] < served[w.repository]-1 {
					t.Fatalf("seed %d: %s has had %d turns, and %s, which waits, %d",
						seed, w.repository, served[w.repository], other, served[other])
				}
			}
		}
	}
}

func TestAPauseIsWaitedForOrRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 0)
		began := time.Now()
		ask(t, h, of("a"), pleaseWait("30"))

		pause := refused(t, h, of("b"))
		if !errors.Is(pause, ErrLimited) || !pause.Until.Equal(began.Add(30*time.Second)) {
			t.Errorf("refused with %v, kind %v", pause, pause.Kind)
		}
		want := "registry registry.example asked for a pause until 2000-01-01T00:00:30Z (429 Too Many Requests)"
		if pause.Error() != want {
			t.Errorf("it says %q, want %q", pause, want)
		}
		if got := only(t, h); got.State != StateLimited || !got.Retry.Equal(pause.Until) || got.Failures != 1 {
			t.Errorf("shown as %+v", got)
		}
		// A deadline within the pause: no use in waiting.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := h.Acquire(ctx, of("c")); !errors.Is(err, ErrLimited) || time.Since(began) != 0 {
			t.Errorf("%v after %v, want the pause at once", err, time.Since(began))
		}
		ask(t, h, of("d"), fine)
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("its turn came after %v, want 30 s", took)
		}
		if got := only(t, h); got.State != StateOK || got.LastError != "" || got.Failures != 0 {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

func TestAPauseEndsThePatienceOfThoseWhoWaitAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 1)
		release, err := h.Acquire(t.Context(), of("a"))
		if err != nil {
			t.Fatal(err)
		}
		impatient, patient := make(chan error, 1), make(chan error, 1)
		wait := func(patience time.Duration, done chan error) {
			request := of("b")
			request.Patience = patience
			release, err := h.Acquire(t.Context(), request)
			if err == nil {
				release(fine)
			}
			done <- err
		}
		go wait(5*time.Second, impatient)
		go wait(time.Minute, patient)
		synctest.Wait()
		if got := only(t, h); got.InFlight != 1 || got.Waiting != 1 {
			t.Errorf("shown as %+v", got)
		}
		began := time.Now()
		release(pleaseWait("30"))
		if err := <-impatient; !errors.Is(err, ErrLimited) || time.Since(began) != 0 {
			t.Errorf("the impatient one has %v after %v", err, time.Since(began))
		}
		if err := <-patient; err != nil || time.Since(began) != 30*time.Second {
			t.Errorf("the patient one has %v after %v", err, time.Since(began))
		}
	})
}

func TestAPauseOfUnknownLengthGrowsFromAnswerToAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 0)
		silent := Outcome{Status: http.StatusTooManyRequests}
		for _, seconds := range []int{10, 20, 40, 80, 160, 300, 300} {
			want := time.Duration(seconds) * time.Second
			// Those under way together count once.
			first, err := h.Acquire(t.Context(), of("a"))
			if err != nil {
				t.Fatal(err)
			}
			second, err := h.Acquire(t.Context(), of("b"))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
			first(silent)
			second(silent)
			if got := time.Until(refused(t, h, of("a")).Until); got != want {
				t.Errorf("a pause of %v, want %v", got, want)
			}
		}
		// So does one that is too short again and again.
		h = newHosts(t, 0)
		for _, seconds := range []int{1, 1, 10, 20} {
			want := time.Duration(seconds) * time.Second
			ask(t, h, of("a"), pleaseWait("1"))
			if got := time.Until(refused(t, h, of("a")).Until); got != want {
				t.Errorf("a pause of %v, want %v", got, want)
			}
		}
	})
}

func TestWindowThatIsUsedUpIsAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 0)
		ask(t, h, of("a"), Outcome{Status: 200, Header: headers("RateLimit", `"d";r=2;t=60`, "RateLimit-Policy", `"d";q=2;w=60`)})
		began := time.Now()
		releaseA, err := h.Acquire(t.Context(), of("a"))
		if err != nil {
			t.Fatal(err)
		}
		releaseB, err := h.Acquire(t.Context(), of("b"))
		if err != nil {
			t.Fatal(err)
		}
		// Two are under way, so nothing is left, whoever has not been told yet.
		if pause := refused(t, h, of("c")); pause.Until.Sub(began) != time.Minute || !strings.Contains(pause.Error(), "RateLimit") {
			t.Errorf("refused with %v", pause)
		}
		releaseA(fine)
		releaseB(fine)
		ask(t, h, of("c"), fine)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("the next came after %v, want when the window is over", took)
		}
	})
}

func TestTheEndOfAWindowIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 0)
		left := func(remaining int, reset int) Outcome {
			return Outcome{Status: 200, Header: headers(
				"RateLimit", fmt.Sprintf("limit=100, remaining=%d, reset=%d", remaining, reset))}
		}
		began := time.Now()
		ask(t, h, of("a"), left(50, 9)) // plenty
		ask(t, h, of("a"), left(9, 10)) // a tenth: one a second
		if time.Since(began) != 0 {
			t.Error("there was plenty")
		}
		for range 3 {
			ask(t, h, of("a"), fine)
		}
		if took := time.Since(began); took < 2*time.Second || took > 4*time.Second {
			t.Errorf("three requests took %v, want about one a second", took)
		}
	})
}

func TestDockerHubsRemainingIsNoPause(t *testing.T) {
	h := newHosts(t, 0)
	// It counts pulls, and says nothing of when they are fewer.
	ask(t, h, of("a"), Outcome{Status: 200, Header: headers("ratelimit-limit", "100;w=21600", "ratelimit-remaining", "0;w=21600")})
	ask(t, h, of("a"), fine)
	if got := only(t, h); got.State != StateOK || got.Window.Limit != 100 {
		t.Errorf("shown as %+v", got)
	}
}

func TestHostThatFailsInARowIsLeftAloneButForProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 0)
		for range 4 {
			ask(t, h, of("a"), broken)
			ask(t, h, of("a"), unplugged)
			ask(t, h, of("a"), fine) // not in a row
		}
		for range 5 {
			ask(t, h, of("a"), unplugged)
		}
		low, high := 9*time.Second, 10*time.Second
		for range 7 {
			pause := refused(t, h, of("b"))
			wait := time.Until(pause.Until)
			if !errors.Is(pause, ErrDown) || wait < low || wait > high || !strings.Contains(pause.Error(), "is down (") {
				t.Errorf("refused with %v, which is in %v; want within %v and %v", pause, wait, low, high)
			}
			probe, err := h.Acquire(t.Context(), of("a"))
			if err != nil {
				t.Fatal(err)
			}
			// While one finds out, the others wait for what it finds.
			others := make(chan error, 1)
			go func() {
				request := of("b")
				request.Patience = 5 * time.Second
				release, err := h.Acquire(t.Context(), request)
				if err == nil {
					release(fine)
				}
				others <- err
			}()
			synctest.Wait()
			if got := only(t, h); got.State != StateDown || got.InFlight != 1 || got.Waiting != 1 {
				t.Errorf("shown as %+v", got)
			}
			probe(broken)
			if err := <-others; !errors.Is(err, ErrDown) {
				t.Errorf("the others have %v, want that it is down", err)
			}
			low, high = min(2*low, 270*time.Second), min(2*high, 300*time.Second)
		}
		ask(t, h, of("a"), fine)
		ask(t, h, of("b"), fine)
		if got := only(t, h); got.State != StateOK || got.Failures != 0 || got.LastError != "" {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

func TestAProbeThatIsGivenUpIsFollowedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 0)
		for range 5 {
			ask(t, h, of("a"), broken)
		}
		ask(t, h, of("a"), Outcome{Err: context.Canceled})
		if got := only(t, h); got.State != StateDown {
			t.Errorf("shown as %+v", got)
		}
		ask(t, h, of("a"), fine)
		if got := only(t, h); got.State != StateOK {
			t.Errorf("shown as %+v", got)
		}
	})
}

func TestFailuresOfARepositorysOwnSettingsAreNotTheHosts(t *testing.T) {
	h := newHosts(t, 0)
	for range 20 {
		ask(t, h, of("a"), Outcome{Err: http.ErrSchemeMismatch})
		ask(t, h, of("a"), Outcome{Err: context.Canceled})
		ask(t, h, of("a"), Outcome{Status: http.StatusUnauthorized})
		ask(t, h, of("a"), Outcome{Status: http.StatusNotFound})
	}
	if got := only(t, h); got.State != StateOK || got.Failures != 0 {
		t.Errorf("shown as %+v", got)
	}
}

func TestWhoWaitsNoLongerLeavesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 1)
		release, err := h.Acquire(t.Context(), of("a"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.Acquire(ctx, of("b")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the deadline", err)
		}
		if got := only(t, h); got.Waiting != 0 {
			t.Errorf("shown as %+v", got)
		}
		release(fine)
		ask(t, h, of("c"), fine)
	})
}

func TestEachHostAndCredentialHasABudgetOfItsOwn(t *testing.T) {
	h := newHosts(t, 0)
	one, other := h.Credential("user", "password"), h.Credential("user", "another")
	if one == other || one != h.Credential("user", "password") || len(one) != 12 {
		t.Errorf("credentials are named %s and %s", one, other)
	}
	if h.Credential() != Anonymous || h.Credential("", "") != Anonymous || h.Credential("a", "b") == h.Credential("ab", "") {
		t.Error("credentials are mixed up")
	}
	ask(t, h, Request{Host: "B.example", Credential: one}, pleaseWait("60"))
	_ = refused(t, h, Request{Host: "b.example", Credential: one})
	for _, request := range []Request{{Host: "b.example", Credential: other}, {Host: "b.example"}, {Host: "a.example", Credential: one}} {
		ask(t, h, request, fine)
	}
	var listed []string
	for _, host := range h.List() {
		listed = append(listed, host.Host+" "+host.Credential)
	}
	if want := []string{"a.example " + one, "b.example " + Anonymous}; len(listed) != 4 || listed[0] != want[0] || !slices.Contains(listed, want[1]) {
		t.Errorf("listed: %v", listed)
	}
	if !slices.IsSorted(listed) {
		t.Errorf("listed out of order: %v", listed)
	}
}

func TestBudgetsThatNobodyUsesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, 0)
		ask(t, h, Request{Host: "held"}, pleaseWait("7200"))
		for i := range 2 * maxBudgets {
			ask(t, h, Request{Host: fmt.Sprint("h", i)}, fine)
			if i == maxBudgets/2 {
				time.Sleep(time.Second)
			}
		}
		if got := len(h.List()); got > maxBudgets {
			t.Errorf("%d budgets, want at most %d", got, maxBudgets)
		}
		_ = refused(t, h, Request{Host: "held"})
		time.Sleep(idleAfter + time.Second)
		if got := only(t, h); got.Host != "held" {
			t.Errorf("left is %+v, want the one that has a pause", got)
		}
	})
}
