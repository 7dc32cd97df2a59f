// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package schedule runs one function per key: at a planned time, or at once when asked, never twice at once for one
// key, and at most so many at once in all. It keeps nothing beyond the process: who uses it plans anew after a start,
// from what is stored. It is no cron and knows no retries; a function that wants another try plans it.
package schedule

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// Queue is a set of keys, each with the time of its next run. The zero value is not usable; see New.
type Queue struct {
	run     func(ctx context.Context, key string)
	workers int

	mu      sync.Mutex
	entries map[string]*entry
	order   dueOrder
	arrival uint64
	wake    chan struct{}
}

// New makes a queue that calls run for each key that is due, on at most workers goroutines. The function's context
// ends with the queue's.
func New(workers int, run func(ctx context.Context, key string)) *Queue {
	return &Queue{run: run, workers: workers, entries: map[string]*entry{}, wake: make(chan struct{}, 1)}
}

// At plans the key's next run, instead of the one that was planned before. The zero time plans none. A run asked for with
// Now is not put off.
func (q *Queue) At(key string, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.entry(key)
	e.planned = due
	q.place(e)
}

// Now asks for a run as soon as a worker is free. While the key runs already, it runs once more afterwards: what was
// asked for is never answered by a run that began before.
func (q *Queue) Now(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.entry(key)
	if !e.asked {
		e.asked = true
		q.arrival++
		e.arrival = q.arrival
	}
	q.place(e)
}

// Forget drops what is planned and asked for. A run that is under way goes on.
func (q *Queue) Forget(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e, ok := q.entries[key]
	if !ok {
		return
	}
	e.planned, e.asked = time.Time{}, false
	q.place(e)
}

// Run works until the context ends, and returns when the last function has.
func (q *Queue) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, q.workers)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case free <- struct{}{}:
		}
		key, ok := q.await(ctx, timer)
		if !ok {
			return nil
		}
		running.Go(func() {
			defer func() { <-free }()
			q.run(ctx, key)
			q.done(key)
		})
	}
}

// await returns the next key that is due, marked as running.
func (q *Queue) await(ctx context.Context, timer *time.Timer) (string, bool) {
	for {
		key, wait, ok := q.take(time.Now())
		if ok {
			return key, true
		}
		var due <-chan time.Time
		if wait > 0 {
			timer.Reset(wait)
			due = timer.C
		}
		select {
		case <-ctx.Done():
			return "", false
		case <-q.wake:
		case <-due:
		}
	}
}

// take returns the key that is due first, or how long to wait for one; zero: until somebody plans one.
func (q *Queue) take(now time.Time) (key string, wait time.Duration, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return "", 0, false
	}
	first := q.order[0]
	if !first.asked && first.planned.After(now) {
		return "", first.planned.Sub(now), false
	}
	first.running, first.asked, first.planned = true, false, time.Time{}
	q.place(first)
	return first.key, 0, true
}

// done ends the key's run and puts it back in the order where something is planned.
func (q *Queue) done(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.entries[key]
	e.running = false
	q.place(e)
}

func (q *Queue) entry(key string) *entry {
	e, ok := q.entries[key]
	if !ok {
		e = &entry{key: key, index: -1}
		q.entries[key] = e
	}
	return e
}

// place puts the entry where it belongs: into the order, out of it, or away altogether.
func (q *Queue) place(e *entry) {
	waits := !e.running && (e.asked || !e.planned.IsZero())
	switch {
	case waits && e.index < 0:
		heap.Push(&q.order, e)
	case waits:
		heap.Fix(&q.order, e.index)
	case e.index >= 0:
		heap.Remove(&q.order, e.index)
	}
	if !waits && !e.running {
		delete(q.entries, e.key)
		return
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
