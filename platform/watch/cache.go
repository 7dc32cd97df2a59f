// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package watch keeps what is stored under one key prefix in memory, up to date through one etcd watch, and tells any
// number of readers what changed since a revision that they know. Keys are grouped (an object's spec, status and
// override are three), and what a group means is composed once per change and shared by all readers.
//
// It knows nothing of filters, tokens and streams: that is package object. Values under the prefix are held in memory
// whole, so bulky ones belong under another prefix.
package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
)

// DefaultRingSize is how many changes a cache remembers when the configuration does not say: about 3 MB.
const DefaultRingSize = 1 << 16

var (
	// ErrBehind says that the cache has forgotten what changed since the revision asked for.
	ErrBehind = errors.New("the changes since that revision are forgotten")
	// ErrCompacted says that etcd itself has forgotten it.
	ErrCompacted = errors.New("the store has compacted that revision")
	// ErrRewound ends Run: the store is at an earlier revision than it was, so it was replaced under the running process.
	ErrRewound = errors.New("the store has gone back in time: start again")
)

// KV is one stored key.
type KV struct {
	// Key below the prefix.
	Key string
	// Value must not be changed.
	Value []byte
	// ModRevision is when the key was last written, CreateRevision when it was made.
	ModRevision, CreateRevision int64
}

// Item is a group of keys as it is now.
type Item[ID comparable, V any] struct {
	ID ID
	// Value is what the group's keys compose to; the zero value if not Present. It is shared: do not change it.
	Value V
	// Present is false when the group is gone.
	Present bool
}

// Config says what to follow and what it means.
type Config[ID comparable, V any] struct {
	Client *clientv3.Client
	// Prefix of the keys to follow, with its slash at the end.
	Prefix string
	// Group names the group of a key (below the prefix), or says that the key is of no interest.
	Group func(key string) (ID, bool)
	// Compose makes a value of a group's keys, of which there is at least one, or says that they make none.
	Compose func(id ID, members map[string]KV) (V, bool)
	// RingSize bounds how many changes are remembered. Zero: DefaultRingSize.
	RingSize int
	Logger   *slog.Logger
}

// Cache is the state under a prefix. It is safe for concurrent use.
type Cache[ID comparable, V any] struct {
	cfg   Config[ID, V]
	ready chan struct{}
	done  chan struct{}
	// hurry asks Run to ask etcd how far the watch is.
	hurry chan struct{}

	// groups belongs to Run alone.
	groups map[ID]map[string]KV

	mu      sync.RWMutex
	values  map[ID]V
	ring    *ring[ID]
	current int64
	// next is closed, and replaced, when current moves.
	next chan struct{}
}

// New makes a cache that Run fills.
func New[ID comparable, V any](cfg Config[ID, V]) *Cache[ID, V] {
	cfg.RingSize = cmp.Or(cfg.RingSize, DefaultRingSize)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Cache[ID, V]{
		cfg:    cfg,
		ready:  make(chan struct{}),
		done:   make(chan struct{}),
		hurry:  make(chan struct{}, 1),
		groups: map[ID]map[string]KV{},
		values: map[ID]V{},
		ring:   newRing[ID](cfg.RingSize),
		next:   make(chan struct{}),
	}
}

// Ready is closed when the cache holds the store's state for the first time.
func (c *Cache[ID, V]) Ready() <-chan struct{} { return c.ready }

// Done is closed when Run has returned: nothing will change any more.
func (c *Cache[ID, V]) Done() <-chan struct{} { return c.done }

// Get returns one group's value, as it is at the cache's revision.
func (c *Cache[ID, V]) Get(id ID) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	value, ok := c.values[id]
	return value, ok
}

// Snapshot returns all groups, in no order, and the revision at which they are so.
func (c *Cache[ID, V]) Snapshot() ([]Item[ID, V], int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	items := make([]Item[ID, V], 0, len(c.values))
	for id, value := range c.values {
		items = append(items, Item[ID, V]{ID: id, Value: value, Present: true})
	}
	return items, c.current
}

// Changes is what Since found.
type Changes[ID comparable, V any] struct {
	// Items that changed, each once and as it is now, in the order of their last changes.
	Items []Item[ID, V]
	// Revision that the items are of: ask for the changes since it next.
	Revision int64
	// More is closed when there may be later changes.
	More <-chan struct{}
}

// Since returns what changed after the revision. A revision that the cache has not reached yet has no changes. Errors:
// ErrBehind.
func (c *Cache[ID, V]) Since(revision int64) (Changes[ID, V], error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	found := Changes[ID, V]{Revision: max(revision, c.current), More: c.next}
	ids, ok := c.ring.since(revision)
	if !ok {
		return Changes[ID, V]{}, fmt.Errorf("%w: %d, the first known is %d", ErrBehind, revision, c.ring.floor)
	}
	for _, id := range ids {
		found.Items = append(found.Items, c.item(id))
	}
	return found, nil
}

// Items returns the groups named, as they are now.
func (c *Cache[ID, V]) Items(ids []ID) []Item[ID, V] {
	c.mu.RLock()
	defer c.mu.RUnlock()
	items := make([]Item[ID, V], 0, len(ids))
	for _, id := range ids {
		items = append(items, c.item(id))
	}
	return items
}

func (c *Cache[ID, V]) item(id ID) Item[ID, V] {
	value, ok := c.values[id]
	return Item[ID, V]{ID: id, Value: value, Present: ok}
}

// Revision returns the revision that the cache has reached: it has seen all that was written to the prefix up to it.
func (c *Cache[ID, V]) Revision() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.current
}

// Remembers says whether Since can answer for the revision.
func (c *Cache[ID, V]) Remembers(revision int64) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return revision >= c.ring.floor
}

// WaitFor returns when the cache has reached the revision, which it asks etcd to hurry with. Errors: the context's;
// store.ErrUnavailable when Run has ended.
func (c *Cache[ID, V]) WaitFor(ctx context.Context, revision int64) error {
	for {
		c.mu.RLock()
		current, next := c.current, c.next
		c.mu.RUnlock()
		if current >= revision {
			return nil
		}
		if err := c.awaitMove(ctx, next); err != nil {
			return fmt.Errorf("waiting for revision %d: %w", revision, err)
		}
	}
}

func (c *Cache[ID, V]) awaitMove(ctx context.Context, next <-chan struct{}) error {
	select {
	case c.hurry <- struct{}{}:
	default: // somebody has asked already
	}
	again := time.NewTimer(hurryEvery)
	defer again.Stop()
	select {
	case <-next:
	case <-again.C: // etcd leaves the question unanswered while the watch is behind: ask again
	case <-c.done:
		return fmt.Errorf("%w: the watch has ended", store.ErrUnavailable)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
