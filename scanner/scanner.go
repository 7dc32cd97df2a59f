// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package scanner is the service that lists registries' tags: on an interval, on request or on a webhook. It remembers
// each tag and when it was first seen, and streams what changes to the resolver. It knows nothing of policies and of Git.
package scanner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/health"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/namespace"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/shard"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/scanner/internal/api"
	"github.com/tidemark-io/tidemark/scanner/internal/budget"
	"github.com/tidemark-io/tidemark/scanner/internal/cloud"
	"github.com/tidemark-io/tidemark/scanner/internal/metadata"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
	"github.com/tidemark-io/tidemark/scanner/internal/scan"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
	"github.com/tidemark-io/tidemark/scanner/internal/tags"
)

const (
	checkEvery   = 5 * time.Second
	leaveTimeout = 2 * time.Second
)

// Config is what the program gives the service. Store, Telemetry and Secrets are required.
type Config struct {
	// Store is the program's; the service uses its own part of it.
	Store *store.Store
	// Telemetry takes the service's log, spans and metrics.
	Telemetry *telemetry.Telemetry
	// Secrets finds registries' credentials.
	Secrets secret.Source
	// Health hears whether the service's store answers. Nil: nobody does.
	Health *health.Reporter
	// NamespaceLabels are the labels of a namespace, for accessFrom. Nil: its name alone.
	NamespaceLabels func(namespace string) map[string]string
	// Concurrency is how many scans run at once; zero: 8.
	Concurrency int
	// PageSize is how many tags a registry is asked for at once; zero: 1,000. One that sends fewer is asked for the rest.
	PageSize int
	// MaxTagShrink is the part of a repository's tags, if they are over 20, that may be gone in one scan without its being
	// held back: above 0 and up to 1, which holds nothing back. Zero: half.
	MaxTagShrink float64
	// PushTimes says which registries tell when tags were pushed, beside the public ones.
	PushTimes PushTimes
	// Hooks is where webhooks are taken; the service closes it. Nil: nowhere.
	Hooks net.Listener

	// firstPause is the budgets' FirstPause; tests shorten it.
	firstPause time.Duration
}

// Service is the scanner. Its RPCs can be called once Register has been; what they ask for is worked on while Run runs.
type Service struct {
	config       Config
	state        *state.State
	client       *registry.Client
	hosts        *budget.Hosts
	loop         *scan.Loop
	repositories *api.Repositories
	tags         *api.Tags
	webhooks     *webhooks
}

// New makes the service, and touches neither store nor network.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Telemetry == nil || cfg.Secrets == nil {
		return nil, errors.New("the scanner needs a store, telemetry and a source of secrets")
	}
	if cfg.PageSize < 0 {
		return nil, fmt.Errorf("the page size is %d: give one above 0", cfg.PageSize)
	}
	if cfg.MaxTagShrink != 0 && !validShare(cfg.MaxTagShrink) {
		return nil, fmt.Errorf("the part of its tags that a repository may lose is %v: give one above 0 and up to 1", cfg.MaxTagShrink)
	}
	if cfg.NamespaceLabels == nil {
		cfg.NamespaceLabels = (&namespace.Labels{}).Of
	}
	hosts, err := budget.New(budget.Config{
		Store: cfg.Store, Logger: cfg.Telemetry.Logger(), Meter: cfg.Telemetry.Meter("tidemark.scanner"),
		FirstPause: cfg.firstPause,
	})
	if err != nil {
		return nil, err
	}
	s := &Service{
		config: cfg, state: state.New(cfg.Store, cfg.Telemetry.Logger()), hosts: hosts,
		client: registry.NewClient(registry.Config{Budget: hosts}),
	}
	from := &source.Source{Registry: s.client, Secrets: cfg.Secrets, Clouds: &cloud.Credentials{}, PageSize: cfg.PageSize}
	s.loop, err = scan.New(scan.Config{
		State: s.state, Source: from, Telemetry: cfg.Telemetry, Concurrency: cfg.Concurrency, MaxShrink: cfg.MaxTagShrink,
	})
	if err != nil {
		return nil, err
	}
	if s.webhooks, err = newWebhooks(cfg, s.state, s.loop); err != nil {
		return nil, err
	}
	s.repositories = &api.Repositories{State: s.state, Scans: s.loop}
	s.tags = &api.Tags{
		Reader: &tags.Reader{State: s.state}, Metadata: metadata.New(s.state, cfg.Telemetry.Logger()),
		Inquiry: &source.Inquiry{Source: from, Contents: s.client, PushTimes: cfg.PushTimes.registries()}, NamespaceLabels: cfg.NamespaceLabels,
	}
	return s, nil
}

// Register adds the service's RPCs to a server.
func (s *Service) Register(to grpc.ServiceRegistrar) {
	scannerv1.RegisterImageRepositoryServiceServer(to, s.repositories)
	scannerv1.RegisterTagServiceServer(to, s.tags)
	scannerv1.RegisterReceiverServiceServer(to, s.webhooks.api)
	scannerv1.RegisterRegistryHostServiceServer(to, &api.RegistryHosts{Hosts: s.hosts})
}

// Run scans until the context ends, and returns when all that it started has ended. It is called once.
func (s *Service) Run(ctx context.Context) error {
	defer s.client.Close()
	members, err := shard.Join(ctx, s.config.Store, state.Service, shard.WithLogger(s.config.Telemetry.Logger()))
	if err != nil {
		return fmt.Errorf("joining the scanners: %w", err)
	}
	if err := s.hosts.Open(ctx); err != nil {
		s.config.Telemetry.Logger().WarnContext(ctx, "the registries' budgets are this replica's own for now", "error", err)
	}
	var group lifecycle.Group
	group.Add("registries' budgets", s.hosts.Run)
	group.Add("repositories", s.state.Repositories.Run)
	group.Add("membership", members.Run)
	if s.config.Health != nil {
		group.Add("health", s.trackHealth)
	}
	group.Add("scans", func(ctx context.Context) error { return s.loop.Run(ctx, members) })
	group.Add("old metadata", s.sweepMetadata)
	s.webhooks.add(&group, s.config, members)
	err = group.Run(ctx)
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	return errors.Join(err, members.Leave(leave))
}

func (s *Service) trackHealth(ctx context.Context) error {
	names := []string{
		state.Service,
		scannerv1.ImageRepositoryService_ServiceDesc.ServiceName,
		scannerv1.TagService_ServiceDesc.ServiceName,
		scannerv1.ReceiverService_ServiceDesc.ServiceName,
		scannerv1.RegistryHostService_ServiceDesc.ServiceName,
	}
	return s.config.Health.Track(ctx, names, s.config.Store.Check, checkEvery)
}
