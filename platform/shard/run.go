// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"fmt"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
)

const retryEvery = time.Second

// Run keeps the lease alive and follows the members until the context ends. A lease that was lost is replaced; until
// then nothing is owned. It does not leave: what is under way is to be finished first, then call Leave.
func (m *Membership) Run(ctx context.Context) error {
	for {
		err := m.hold(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("holding the membership: %w", ctx.Err())
		}
		m.logger.WarnContext(ctx, "the membership was interrupted", "member", m.id, "error", err)
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
		}
	}
}

// hold keeps the membership until something breaks.
func (m *Membership) hold(ctx context.Context) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	revision, err := m.reload(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(m.Members(), m.id) {
		if err := m.register(ctx); err != nil {
			return err
		}
	}
	alive, err := m.client.KeepAlive(ctx, m.leaseID())
	if err != nil {
		return store.Wrap("renewing the lease", err)
	}
	members := m.client.Watch(ctx, m.prefix, clientv3.WithPrefix(), clientv3.WithRev(revision+1))
	for {
		select {
		case renewed, open := <-alive:
			if !open {
				return fmt.Errorf("%w: the lease has ended", store.ErrUnavailable)
			}
			m.renew(renewed)
		case resp, open := <-members:
			if !open || resp.Err() != nil {
				return fmt.Errorf("%w: the watch of the members has ended", store.ErrUnavailable)
			}
			if _, err := m.reload(ctx); err != nil {
				return err
			}
			if !slices.Contains(m.Members(), m.id) {
				return fmt.Errorf("%w: the lease has ended", store.ErrUnavailable)
			}
		}
	}
}

func (m *Membership) leaseID() clientv3.LeaseID {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.lease
}

func (m *Membership) renew(renewed *clientv3.LeaseKeepAliveResponse) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expires = time.Now().Add(time.Duration(renewed.TTL) * time.Second)
}
