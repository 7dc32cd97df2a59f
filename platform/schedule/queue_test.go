// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package schedule_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidemark-io/tidemark/platform/schedule"
)

// record is what a queue's function saw.
type record struct {
	mu   sync.Mutex
	runs []string
}

func (r *record) add(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs = append(r.runs, key)
}

func (r *record) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.runs)
}

// start runs the queue until the test ends.
func start(t *testing.T, q *schedule.Queue) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the queue ended with %v", err)
		}
	})
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("ran %v, want %v", got, want)
	}
}

func TestPlannedKeysRunAtTheirTimeAndInItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs record
		q := schedule.New(1, func(_ context.Context, key string) { runs.add(key) })
		start(t, q)
		q.At("late", time.Now().Add(2*time.Minute))
		q.At("soon", time.Now().Add(time.Minute))
		time.Sleep(time.Minute - time.Second)
		synctest.Wait()
		expect(t, runs.seen())
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		expect(t, runs.seen(), "soon", "late")
	})
}

func TestPlanningAgainReplacesTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs record
		q := schedule.New(1, func(_ context.Context, key string) { runs.add(key) })
		start(t, q)
		q.At("a", time.Now().Add(time.Minute))
		q.At("a", time.Now().Add(time.Hour))
		q.At("b", time.Now().Add(time.Minute))
		q.At("b", time.Time{})
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		expect(t, runs.seen())
		time.Sleep(time.Hour)
		synctest.Wait()
		expect(t, runs.seen(), "a")
	})
}

func TestARequestGoesBeforeThePlanAndIsNotPutOffByIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs record
		q := schedule.New(1, func(_ context.Context, key string) { runs.add(key) })
		q.At("planned", time.Now())
		q.Now("first")
		q.Now("second")
		q.At("first", time.Now().Add(time.Hour))
		start(t, q)
		synctest.Wait()
		expect(t, runs.seen()[:2], "first", "second")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		// Taking a key drops what was planned for it: its function plans anew.
		expect(t, runs.seen(), "first", "second", "planned")
	})
}

func TestARequestDuringARunIsAnsweredByALaterRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs record
		release := make(chan struct{})
		q := schedule.New(4, func(_ context.Context, key string) {
			runs.add(key)
			<-release
		})
		start(t, q)
		q.Now("a")
		synctest.Wait()
		q.Now("a")
		q.Now("a")
		synctest.Wait()
		expect(t, runs.seen(), "a") // never two at once
		close(release)
		synctest.Wait()
		expect(t, runs.seen(), "a", "a")
	})
}

func TestNoMoreThanTheWorkersRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		q := schedule.New(3, func(context.Context, string) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
		})
		start(t, q)
		for _, key := range []string{"a", "b", "c", "d", "e", "f", "g"} {
			q.Now(key)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if most != 3 || now != 0 {
			t.Fatalf("at most %d at once and %d left, want 3 and 0", most, now)
		}
	})
}

func TestForgottenKeysDoNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs record
		q := schedule.New(1, func(_ context.Context, key string) { runs.add(key) })
		q.Now("a")
		q.At("b", time.Now())
		q.Forget("a")
		q.Forget("b")
		q.Forget("never planned")
		start(t, q)
		time.Sleep(time.Hour)
		synctest.Wait()
		expect(t, runs.seen())
	})
}
