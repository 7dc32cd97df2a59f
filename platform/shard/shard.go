// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package shard says which of a service's replicas works on what: each holds a leased member key, and the owner of a
// shard key is chosen by rendezvous hashing over the members, so that a member that comes or goes moves only the keys
// that it gains or had. Two replicas may for a moment both believe that they own a key: ownership saves work, and what
// must not happen twice is guarded by a compare-and-swap of its own.
//
//	<prefix>/<service>/members/<id>   the store's Instance; held by a lease
package shard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
)

// DefaultTTL is how long the keys of a member that died stay without an owner.
const DefaultTTL = 10 * time.Second

// Membership is this replica's place among a service's members. It is safe for concurrent use.
type Membership struct {
	client *clientv3.Client
	prefix string
	id     string
	value  string
	ttl    time.Duration
	logger *slog.Logger

	mu sync.RWMutex
	// lease is ours at present; zero: none.
	lease   clientv3.LeaseID
	members []string
	// expires is when the lease ends unless it is renewed: then nothing is ours any more, whatever the members say.
	expires time.Time
	changed chan struct{}
}

// Option changes what Join makes.
type Option func(*Membership)

// WithTTL sets how long a dead member is taken for alive; etcd rounds up to seconds. Default: DefaultTTL.
func WithTTL(ttl time.Duration) Option { return func(m *Membership) { m.ttl = ttl } }

// WithLogger says where lost and renewed memberships are told of. Default: nowhere.
func WithLogger(logger *slog.Logger) Option { return func(m *Membership) { m.logger = logger } }

// Join makes this replica a member of the service, whose part of the store need not be scoped to it yet; Run keeps it
// one. Errors: store.ErrUnavailable, the context's.
func Join(ctx context.Context, st *store.Store, service string, opts ...Option) (*Membership, error) {
	m := &Membership{
		client:  st.Client(),
		prefix:  st.Scoped(service).Prefix() + "/members/",
		id:      rand.Text(),
		value:   st.Instance(),
		ttl:     DefaultTTL,
		logger:  slog.New(slog.DiscardHandler),
		changed: make(chan struct{}),
	}
	for _, opt := range opts {
		opt(m)
	}
	if st.Embedded() {
		if err := m.removeDead(ctx); err != nil {
			return nil, err
		}
	}
	if err := m.register(ctx); err != nil {
		return nil, err
	}
	if _, err := m.reload(ctx); err != nil {
		return nil, errors.Join(err, m.Leave(context.WithoutCancel(ctx)))
	}
	return m, nil
}

// removeDead removes the members that an earlier process left in an embedded store, which no other process can be
// using: waiting for their leases would leave their keys without an owner.
func (m *Membership) removeDead(ctx context.Context) error {
	resp, err := m.client.Get(ctx, m.prefix, clientv3.WithPrefix())
	if err != nil {
		return store.Wrap("reading the members", err)
	}
	for _, kv := range resp.Kvs {
		if string(kv.GetValue()) == m.value {
			continue
		}
		if _, err := m.client.Delete(ctx, string(kv.GetKey())); err != nil {
			return store.Wrap("removing a dead member", err)
		}
	}
	return nil
}

// register grants a lease and holds the member key with it.
func (m *Membership) register(ctx context.Context) error {
	asked := time.Now()
	seconds := max(1, int64((m.ttl+time.Second-1)/time.Second))
	lease, err := m.client.Grant(ctx, seconds)
	if err != nil {
		return store.Wrap("joining the members", err)
	}
	if _, err := m.client.Put(ctx, m.prefix+m.id, m.value, clientv3.WithLease(lease.ID)); err != nil {
		return store.Wrap("joining the members", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lease, m.expires = lease.ID, asked.Add(time.Duration(lease.TTL)*time.Second)
	return nil
}

// ID names this member.
func (m *Membership) ID() string { return m.id }

// Members returns the ids of all members, sorted.
func (m *Membership) Members() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Clone(m.members)
}

// Owns says whether the key is this replica's. A replica whose lease has ended owns nothing.
func (m *Membership) Owns(key string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return time.Now().Before(m.expires) && owner(m.members, key) == m.id
}

// Changed returns a channel that is closed when the members change: ask Owns again, and Changed.
func (m *Membership) Changed() <-chan struct{} {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.changed
}

// Leave gives the membership up at once, so that the others need not wait for the lease to end. Run must have ended.
func (m *Membership) Leave(ctx context.Context) error {
	m.mu.Lock()
	lease := m.lease
	m.lease, m.expires = 0, time.Time{}
	m.mu.Unlock()
	if lease == 0 {
		return nil
	}
	if _, err := m.client.Revoke(ctx, lease); err != nil {
		return store.Wrap("leaving the members", err)
	}
	return nil
}

// reload reads the members and returns the revision that they are of.
func (m *Membership) reload(ctx context.Context) (int64, error) {
	resp, err := m.client.Get(ctx, m.prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		return 0, store.Wrap("reading the members", err)
	}
	members := make([]string, 0, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		members = append(members, strings.TrimPrefix(string(kv.GetKey()), m.prefix))
	}
	slices.Sort(members)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(members, m.members) {
		m.members = members
		close(m.changed)
		m.changed = make(chan struct{})
	}
	return resp.Header.GetRevision(), nil
}

// String names the membership in logs.
func (m *Membership) String() string { return fmt.Sprintf("member %s of %s", m.id, m.prefix) }
