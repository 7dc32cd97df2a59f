// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package resolver is the service that picks the best tag for a policy and tells whoever watches as the choice changes. It
// follows a scanner, and is followed by updaters. Everything but what is exported here is internal.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/health"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/shard"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/resolver/internal/api"
	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/reconcile"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

const (
	healthEvery  = 5 * time.Second
	leaveTimeout = 2 * time.Second
)

// Config is what the service needs. All of it is required.
type Config struct {
	// Store is the program's; the resolver keeps to its own part of it.
	Store *store.Store
	// Telemetry is the program's.
	Telemetry *telemetry.Telemetry
	// Health is told whether the resolver's store answers, and, under `<name>.upstream`, whether the scanner is followed.
	Health *health.Reporter
	// Scanner is a connection to the scanner (see platform/dial). The scanner need not be there yet.
	Scanner grpc.ClientConnInterface
}

// Service is the resolver. Register it, then Run it.
type Service struct {
	cfg           Config
	policies      *state.Policies
	follower      *follow.Follower
	reconciler    *reconcile.Reconciler
	imagePolicies *api.ImagePolicies
	resolution    *api.Resolution
}

// New makes a resolver that does nothing yet. Errors are of the configuration.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Telemetry == nil || cfg.Health == nil || cfg.Scanner == nil {
		return nil, errors.New("resolver: Store, Telemetry, Health and Scanner are required")
	}
	s := &Service{cfg: cfg, policies: state.NewPolicies(cfg.Store, cfg.Telemetry.Logger())}
	sights := state.NewSights(cfg.Store, cfg.Telemetry.Logger())
	reconciler, err := reconcile.New(s.policies, sights, cfg.Telemetry)
	if err != nil {
		return nil, fmt.Errorf("resolver: %w", err)
	}
	s.reconciler = reconciler
	s.follower = follow.New(follow.Config{
		Scanner:   cfg.Scanner,
		Connected: func(ok bool) { cfg.Health.SetUpstream(healthNames(), ok) },
		Logger:    cfg.Telemetry.Logger(),
	}, reconciler.Notify)
	known := facts.New(s.follower)
	selector := selection.New(known)
	reconciler.Use(s.follower, selector)
	s.imagePolicies = api.NewImagePolicies(s.policies, sights, reconciler)
	s.resolution = api.NewResolution(s.follower, known, s.policies)
	if err := s.measure(); err != nil {
		return nil, fmt.Errorf("resolver: %w", err)
	}
	return s, nil
}

// Register adds the service's RPCs.
func (s *Service) Register(to grpc.ServiceRegistrar) {
	resolverv1.RegisterImagePolicyServiceServer(to, s.imagePolicies)
	resolverv1.RegisterResolutionServiceServer(to, s.resolution)
}

// Run works until the context ends, and returns when all that it started has. It is called once.
func (s *Service) Run(ctx context.Context) error {
	s.cfg.Health.SetUpstream(healthNames(), false)
	member, err := shard.Join(ctx, s.cfg.Store, state.Service, shard.WithLogger(s.cfg.Telemetry.Logger()))
	if err != nil && ctx.Err() != nil {
		return nil // it was stopped before it began
	}
	if err != nil {
		return fmt.Errorf("resolver: %w", err)
	}
	// The last one is stopped first.
	parts := &lifecycle.Group{}
	parts.Add("health", s.trackHealth)
	parts.Add("policies", s.policies.Run)
	parts.Add("membership", member.Run)
	parts.Add("scanner", s.follower.Run)
	parts.Add("evaluation", func(ctx context.Context) error { return s.reconciler.Run(ctx, member) })
	err = parts.Run(ctx)
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	if err = errors.Join(err, member.Leave(leaving)); err != nil {
		return fmt.Errorf("resolver: %w", err)
	}
	return nil
}

// healthNames are the names that grpc.health.v1 is asked for.
func healthNames() []string {
	return []string{
		state.Service,
		resolverv1.ImagePolicyService_ServiceDesc.ServiceName,
		resolverv1.ResolutionService_ServiceDesc.ServiceName,
	}
}

// trackHealth reports whether the store answers and the policies are known.
func (s *Service) trackHealth(ctx context.Context) error {
	return s.cfg.Health.Track(ctx, healthNames(), func(ctx context.Context) error {
		select {
		case <-s.policies.Ready():
		case <-ctx.Done():
			return fmt.Errorf("the policies are not loaded: %w", context.Cause(ctx))
		}
		return s.cfg.Store.Check(ctx)
	}, healthEvery)
}

// measure shows what is held in memory and whether the scanner is followed.
func (s *Service) measure() error {
	meter := s.cfg.Telemetry.Meter("tidemark.resolver")
	connected, err := meter.Int64ObservableGauge("tidemark.resolver.upstream.connected",
		metric.WithDescription("1 while the scanner is followed."))
	if err != nil {
		return fmt.Errorf("making a gauge: %w", err)
	}
	repositories, err := meter.Int64ObservableGauge("tidemark.resolver.index.repositories",
		metric.WithDescription("Image repositories whose tags are held in memory."))
	if err != nil {
		return fmt.Errorf("making a gauge: %w", err)
	}
	tags, err := meter.Int64ObservableGauge("tidemark.resolver.index.tags", metric.WithDescription("Tags held in memory."))
	if err != nil {
		return fmt.Errorf("making a gauge: %w", err)
	}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		held, of := s.follower.Held()
		o.ObserveInt64(repositories, int64(held))
		o.ObserveInt64(tags, int64(of))
		if s.follower.Online() {
			o.ObserveInt64(connected, 1)
		} else {
			o.ObserveInt64(connected, 0)
		}
		return nil
	}, connected, repositories, tags)
	if err != nil {
		return fmt.Errorf("registering gauges: %w", err)
	}
	return nil
}
