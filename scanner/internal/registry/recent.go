// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"container/list"
	"sync"
	"time"
)

// recent keeps what was used last: at most so many values, and none that nobody
// asked for in a while.
type recent[K comparable, V any] struct {
	mu    sync.Mutex
	size  int
	idle  time.Duration
	gone  func(V) // may be nil
	now   func() time.Time
	known map[K]*list.Element
	order *list.List // of *remembered[K, V]; the one used last in front
}

type remembered[K comparable, V any] struct {
	key   K
	value V
	used  time.Time
}

func newRecent[K comparable, V any](size int, idle time.Duration, gone func(V)) *recent[K, V] {
	return &recent[K, V]{size: size, idle: idle, gone: gone, now: time.Now, known: map[K]*list.Element{}, order: list.New()}
}

func (r *recent[K, V]) get(key K) (value V, found bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tidy()
	element, found := r.known[key]
	if !found {
		return value, false
	}
	r.order.MoveToFront(element)
	if kept, ok := element.Value.(*remembered[K, V]); ok {
		kept.used = r.now()
		return kept.value, true
	}
	return value, false
}

func (r *recent[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if element, found := r.known[key]; found {
		r.order.Remove(element)
	}
	r.known[key] = r.order.PushFront(&remembered[K, V]{key: key, value: value, used: r.now()})
	r.tidy()
}

func (r *recent[K, V]) remove(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if element, found := r.known[key]; found {
		r.drop(element)
	}
}

func (r *recent[K, V]) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.order.Len() > 0 {
		r.drop(r.order.Back())
	}
}

// tidy drops from the back, where what was used longest ago is.
func (r *recent[K, V]) tidy() {
	for back := r.order.Back(); back != nil; back = r.order.Back() {
		kept, ok := back.Value.(*remembered[K, V])
		if ok && r.order.Len() <= r.size && r.now().Sub(kept.used) < r.idle {
			return
		}
		r.drop(back)
	}
}

func (r *recent[K, V]) drop(element *list.Element) {
	kept, ok := r.order.Remove(element).(*remembered[K, V])
	if !ok {
		return
	}
	delete(r.known, kept.key)
	if r.gone != nil {
		r.gone(kept.value)
	}
}
