// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
)

const (
	// lookEvery is how often the secrets are looked at.
	lookEvery   = 3 * time.Second
	resubscribe = time.Second
)

// Config is what Hooks work with. Every field is required.
type Config struct {
	Receivers    *object.Store[*scannerv1.Receiver]
	Repositories *object.Store[*scannerv1.ImageRepository]
	Secrets      secret.Source
	Issuers      *receiver.Issuers
	Telemetry    *telemetry.Telemetry
	// Want has the repositories scanned after the call, for the receiver of the name, `<namespace>/<name>`; when it returns nil that is certain, also if the process ends.
	Want func(ctx context.Context, keys []object.Key, receiver string) error
	// Pushed has the digest of a tag of the repository looked at by the scan that Want asks for.
	Pushed func(ctx context.Context, repository *scannerv1.ImageRepository, tag string) error
}

// Owner says which objects are this replica's; *shard.Membership is one. Every replica answers calls; who owns a receiver
// writes its status.
type Owner interface {
	Owns(key string) bool
	Changed() <-chan struct{}
}

// Hooks are the paths of all receivers. It is safe for concurrent use.
type Hooks struct {
	config      Config
	logger      *slog.Logger
	instruments *instruments
	routes      atomic.Pointer[routes]
	slots       chan struct{}
	// known is what reconcile made of each receiver; it alone uses it.
	known map[object.Key]*known
}

// New makes the hooks; they have paths while Run runs. Errors: an instrument that cannot be made.
func New(cfg Config) (*Hooks, error) {
	made, err := newInstruments(cfg.Telemetry)
	if err != nil {
		return nil, err
	}
	h := &Hooks{
		config: cfg, logger: cfg.Telemetry.Logger(), instruments: made,
		slots: make(chan struct{}, concurrency), known: map[object.Key]*known{},
	}
	h.routes.Store(&routes{})
	return h, nil
}

// Handler answers the calls.
func (h *Hooks) Handler() http.Handler { return http.HandlerFunc(h.serve) }

// Run keeps the paths as receivers and secrets say, until the context ends. The stores must be running.
func (h *Hooks) Run(ctx context.Context, owner Owner) error {
	changed := make(chan struct{}, 1)
	var group lifecycle.Group
	group.Add("receivers", func(ctx context.Context) error { return h.follow(ctx, changed) })
	group.Add("hook paths", func(ctx context.Context) error { return h.keep(ctx, owner, changed) })
	return group.Run(ctx)
}

// follow says when a receiver has changed.
func (h *Hooks) follow(ctx context.Context, changed chan<- struct{}) error {
	for {
		err := h.followOnce(ctx, changed)
		if ctx.Err() != nil || errors.Is(err, object.ErrShuttingDown) {
			return ctx.Err()
		}
		h.logger.WarnContext(ctx, "following the receivers was interrupted", "error", err)
		select {
		case <-time.After(resubscribe):
		case <-ctx.Done():
		}
	}
}

func (h *Hooks) followOnce(ctx context.Context, changed chan<- struct{}) error {
	subscription, err := h.config.Receivers.Subscribe(ctx, object.Filter{}, "")
	if err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	for {
		if _, err := subscription.Next(ctx); err != nil {
			return fmt.Errorf("following: %w", err)
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}

// keep looks at all receivers when one has changed, and every few seconds for their secrets.
func (h *Hooks) keep(ctx context.Context, owner Owner, changed <-chan struct{}) error {
	select {
	case <-h.config.Receivers.Ready():
	case <-ctx.Done():
		return nil
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		moved := owner.Changed()
		h.reconcile(ctx, owner)
		select {
		case <-changed:
		case <-look.C:
		case <-moved:
		case <-ctx.Done():
			return nil
		}
	}
}
