// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"container/list"
	"sync"
)

// lru keeps the values used last. It is safe for concurrent use.
type lru[K comparable, V any] struct {
	most int

	mu    sync.Mutex
	known map[K]*list.Element
	order list.List // of pair[K, V]; the one used last in front
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](most int) *lru[K, V] {
	return &lru[K, V]{most: most, known: map[K]*list.Element{}}
}

func (c *lru[K, V]) get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, found := c.known[key]
	if !found {
		var none V
		return none, false
	}
	c.order.MoveToFront(element)
	kept, ok := element.Value.(pair[K, V])
	return kept.value, ok
}

func (c *lru[K, V]) put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, found := c.known[key]; found {
		c.order.Remove(element)
	}
	c.known[key] = c.order.PushFront(pair[K, V]{key, value})
	for c.order.Len() > c.most {
		if kept, ok := c.order.Remove(c.order.Back()).(pair[K, V]); ok {
			delete(c.known, kept.key)
		}
	}
}
