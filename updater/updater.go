// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package updater commits the choices of image policies at the marked places of Git repositories. It follows the policies
// of a resolver, runs the automations whose policies changed, and answers for both of its kinds of objects over gRPC.
//
// It chooses no image, and holds no work tree; what belongs to the service is in internal.
package updater

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/health"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/shard"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/updater/internal/api"
	"github.com/tidemark-io/tidemark/updater/internal/dispatch"
	"github.com/tidemark-io/tidemark/updater/internal/guard"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/internal/remotes"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/sources"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// checkEvery is how often the store and the upstream are looked at for the health service.
const checkEvery = time.Second

// leaveTimeout bounds how long the membership's end may take.
const leaveTimeout = 2 * time.Second

// Config is what an updater works with. Store, Telemetry, Secrets, Health, Resolver and DataDir are required.
type Config struct {
	// Store is the program's, unscoped.
	Store     *store.Store
	Telemetry *telemetry.Telemetry
	Secrets   secret.Source
	Health    *health.Reporter
	// Resolver is a connection to the service whose policies are followed.
	Resolver grpc.ClientConnInterface
	// DataDir is where the Git caches are, in its folder `git`. All in there can be had again.
	DataDir string
	// Settle is how long changes gather for one commit after another was made. Zero: a second.
	Settle time.Duration
	// Drain is how long a run that is under way may go on when Run's context ends. Zero: 10 seconds.
	Drain time.Duration
	// Concurrency is how many branches are worked on at once. Zero: 4.
	Concurrency int
	// NoCrossNamespaceRefs refuses automations whose source is in another namespace.
	NoCrossNamespaceRefs bool
}

// Service is an updater.
type Service struct {
	cfg          Config
	automations  *state.Automations
	repositories *state.Repositories
	runs         *state.Runs
	follower     *policies.Follower
	remotes      *remotes.Pool
	sources      *sources.Sources
	runner       *run.Runner
	dispatcher   *dispatch.Dispatcher
}

// New makes an updater that does nothing yet. Errors: a part of the configuration is missing.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Telemetry == nil || cfg.Secrets == nil || cfg.Health == nil || cfg.Resolver == nil || cfg.DataDir == "" {
		return nil, errors.New("updater: Store, Telemetry, Secrets, Health, Resolver and DataDir are required")
	}
	logger := cfg.Telemetry.Logger()
	meters, err := run.NewMeters(cfg.Telemetry.Meter("tidemark.updater"))
	if err != nil {
		return nil, fmt.Errorf("updater: %w", err)
	}
	s := &Service{
		cfg:          cfg,
		automations:  state.NewAutomations(cfg.Store, logger),
		repositories: state.NewRepositories(cfg.Store, logger),
		remotes:      remotes.New(filepath.Join(cfg.DataDir, "git"), cfg.Secrets),
	}
	s.runs = state.NewRuns(cfg.Store, s.automations)
	s.sources = sources.New(s.repositories, logger)
	s.follower = policies.New(cfg.Resolver, logger, func(c policies.Change) { s.dispatcher.PolicyChanged(c) })
	s.runner = &run.Runner{
		Automations: s.automations, Repositories: s.repositories, Records: s.runs, Policies: s.follower, Remotes: s.remotes,
		Guard: guard.New(resolverv1.NewResolutionServiceClient(cfg.Resolver)), Secrets: cfg.Secrets, Sources: s.sources,
		Logger: logger, Tracer: cfg.Telemetry.Tracer("updater"), Meters: meters,
		NoCrossNamespaceRefs: cfg.NoCrossNamespaceRefs,
	}
	s.dispatcher = dispatch.New(dispatch.Config{
		Automations: s.automations, Repositories: s.repositories, Runs: s.runs, Policies: s.follower, Runner: s.runner,
		Logger: logger, Settle: cfg.Settle, Drain: cfg.Drain, Concurrency: cfg.Concurrency,
	})
	return s, s.observe()
}

// Register adds the services that the updater answers.
func (s *Service) Register(registrar grpc.ServiceRegistrar) {
	updaterv1.RegisterGitRepositoryServiceServer(registrar, &api.Repositories{Store: s.repositories})
	updaterv1.RegisterImageUpdateAutomationServiceServer(registrar, &api.Automations{
		Store: s.automations, Runs: s.runs, Dispatcher: s.dispatcher, Previewer: s.runner,
	})
}

// Run follows and commits until the context ends, and returns when all that it started has ended.
func (s *Service) Run(ctx context.Context) (err error) {
	if err := os.MkdirAll(filepath.Join(s.cfg.DataDir, "git"), 0o700); err != nil {
		return fmt.Errorf("updater: making the folder of the Git caches: %w", err)
	}
	logger := s.cfg.Telemetry.Logger()
	if err := s.remotes.Prune(); err != nil {
		logger.WarnContext(ctx, "old Git caches could not be removed", "error", err)
	}
	members, err := shard.Join(ctx, s.cfg.Store, state.Service, shard.WithLogger(logger))
	if ctx.Err() != nil && err != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("updater: %w", err)
	}
	defer func() {
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
		defer cancel()
		if left := members.Leave(leaving); left != nil {
			logger.WarnContext(ctx, "the membership ends by itself", "error", left)
		}
		err = errors.Join(err, s.remotes.Close())
	}()
	watch := sources.NewWatch(s.sources, s.remotes, members, s.cfg.Telemetry.Tracer("updater"))
	watch.SecretChanged = s.dispatcher.SourceSecretChanged
	var group lifecycle.Group
	group.Add("automations", s.automations.Run)
	group.Add("Git repositories", s.repositories.Run)
	group.Add("membership", members.Run)
	group.Add("health", s.reportHealth)
	group.Add("upstream health", s.reportUpstream)
	group.Add("policies", s.follower.Run)
	group.Add("sources", watch.Run)
	group.Add("dispatcher", func(ctx context.Context) error { return s.dispatcher.Run(ctx, members) })
	return group.Run(ctx)
}

func (s *Service) reportHealth(ctx context.Context) error {
	return s.cfg.Health.Track(ctx, healthNames(), s.cfg.Store.Check, checkEvery)
}

// healthNames are the names that grpc.health.v1 is asked for.
func healthNames() []string {
	return []string{
		state.Service,
		updaterv1.GitRepositoryService_ServiceDesc.ServiceName,
		updaterv1.ImageUpdateAutomationService_ServiceDesc.ServiceName,
	}
}

func (s *Service) reportUpstream(ctx context.Context) error {
	names := healthNames()
	for i := range names {
		names[i] += health.UpstreamSuffix
	}
	return s.cfg.Health.Track(ctx, names, s.follower.Check, checkEvery)
}
