// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"container/list"
	"sync"
	"time"
)

const (
	// maxCost bounds what is remembered, in bytes as cost counts them.
	maxCost = 32 << 20
	// maxTold bounds the repositories that are known to tell pushes.
	maxTold = 10_000
)

type cacheKey struct {
	uid, tag string
	want     Want
}

type kept struct {
	fact     Fact
	at       time.Time
	revision int64
}

// cache is the answers that were used last.
type cache struct {
	mu    sync.Mutex
	order *list.List // of *cached, the last used first
	byKey map[cacheKey]*list.Element
	cost  int
	told  map[string]struct{}
}

type cached struct {
	key  cacheKey
	kept kept
}

func newCache() *cache {
	return &cache{order: list.New(), byKey: map[cacheKey]*list.Element{}, told: map[string]struct{}{}}
}

func (c *cache) get(key cacheKey) (kept, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return kept{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).kept, true //nolint:forcetypeassert // nothing else is in it
}

func (c *cache) put(key cacheKey, k kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.drop(e)
	}
	one := &cached{key: key, kept: k}
	c.byKey[key] = c.order.PushFront(one)
	for c.cost += one.cost(); c.cost > maxCost && c.order.Len() > 1; {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(e *list.Element) {
	one := c.order.Remove(e).(*cached) //nolint:forcetypeassert // nothing else is in it
	delete(c.byKey, one.key)
	c.cost -= one.cost()
}

// cost is about the bytes of memory.
func (c *cached) cost() int {
	n := 400 + len(c.key.tag) + len(c.kept.fact.Digest)
	for _, platform := range c.kept.fact.Platforms {
		n += 16 + len(platform)
	}
	for key, value := range c.kept.fact.Labels {
		n += 64 + len(key) + len(value)
	}
	return n
}

func (c *cache) toldPushes(uid string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.told[uid]
	return ok
}

func (c *cache) tellPushes(uid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.told) < maxTold {
		c.told[uid] = struct{}{}
	}
}
