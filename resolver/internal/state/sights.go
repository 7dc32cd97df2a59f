// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"log/slog"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
)

// Sights keeps the digests that policies have seen, so that ages survive a restart.
type Sights struct {
	client *clientv3.Client
	prefix string
	logger *slog.Logger
}

// NewSights keeps them in the program's store.
func NewSights(st *store.Store, logger *slog.Logger) *Sights {
	scoped := st.Scoped(Service)
	return &Sights{client: scoped.Client(), prefix: scoped.Prefix() + "/sights/", logger: logger}
}

// Load returns a policy's memory; an empty one if there is none, or none that can be read. Errors: store.ErrUnavailable.
func (s *Sights) Load(ctx context.Context, policy object.Key) (*selection.Memory, error) {
	resp, err := s.client.Get(ctx, s.key(policy))
	if err != nil {
		return nil, store.Wrap("reading the digests seen for ImagePolicy "+policy.String(), err)
	}
	if len(resp.Kvs) == 0 {
		return &selection.Memory{}, nil
	}
	memory, err := selection.Decode(resp.Kvs[0].Value)
	if err != nil {
		s.logger.WarnContext(ctx, "the digests seen are not readable; ages start again", "policy", policy.String(), "error", err)
		return &selection.Memory{}, nil
	}
	return memory, nil
}

// Store keeps a policy's memory. Errors: store.ErrUnavailable.
func (s *Sights) Store(ctx context.Context, policy object.Key, memory *selection.Memory) error {
	encoded, err := memory.Encode()
	if err != nil {
		return err
	}
	if _, err := s.client.Put(ctx, s.key(policy), string(encoded)); err != nil {
		return store.Wrap("storing the digests seen for ImagePolicy "+policy.String(), err)
	}
	return nil
}

// Delete is what deletes a policy's memory with the policy.
func (s *Sights) Delete(policy object.Key) clientv3.Op { return clientv3.OpDelete(s.key(policy)) }

func (s *Sights) key(policy object.Key) string { return s.prefix + policy.String() }
