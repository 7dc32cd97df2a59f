// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/updater/internal/api"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// service is the RPCs over a real store, called through the real server; nothing runs behind them.
type service struct {
	t            *testing.T
	runs         *state.Runs
	automations  updaterv1.ImageUpdateAutomationServiceClient
	repositories updaterv1.GitRepositoryServiceClient
}

func start(t *testing.T, change ...func(*api.Automations)) *service {
	t.Helper()
	st, tel := storetest.Open(t), grpctest.Telemetry(t, nil)
	automations, repositories := state.NewAutomations(st, tel.Logger()), state.NewRepositories(st, tel.Logger())
	s := &service{t: t, runs: state.NewRuns(st, automations)}
	server := &api.Automations{Store: automations, Runs: s.runs}
	for _, f := range change {
		f(server)
	}
	conn := grpctest.Serve(t, func(to grpc.ServiceRegistrar) {
		updaterv1.RegisterImageUpdateAutomationServiceServer(to, server)
		updaterv1.RegisterGitRepositoryServiceServer(to, &api.Repositories{Store: repositories})
	}, grpctest.WithTelemetry(tel))
	s.automations = updaterv1.NewImageUpdateAutomationServiceClient(conn)
	s.repositories = updaterv1.NewGitRepositoryServiceClient(conn)
	return s
}

func (s *service) apply(name string, suspend bool) {
	s.t.Helper()
	if _, err := s.automations.ApplyImageUpdateAutomation(s.t.Context(), &updaterv1.ApplyImageUpdateAutomationRequest{
		ImageUpdateAutomation: &updaterv1.ImageUpdateAutomation{
			Metadata: &metav1.ObjectMeta{Name: name},
			Spec: &updaterv1.ImageUpdateAutomationSpec{
				SourceRef: &updaterv1.SourceReference{Name: "gitops"}, Suspend: suspend, Interval: durationpb.New(1),
				Git: &updaterv1.GitSpec{Commit: &updaterv1.CommitSpec{Author: &updaterv1.CommitAuthor{Email: "robot@example.com"}}},
			},
		},
	}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) applySource(name string, suspend bool) {
	s.t.Helper()
	if _, err := s.repositories.ApplyGitRepository(s.t.Context(), &updaterv1.ApplyGitRepositoryRequest{
		GitRepository: &updaterv1.GitRepository{
			Metadata: &metav1.ObjectMeta{Name: name},
			Spec:     &updaterv1.GitRepositorySpec{Url: "https://example.com/a", Suspend: suspend, Interval: durationpb.New(1)},
		},
	}); err != nil {
		s.t.Fatal(err)
	}
}
