// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

func (s *services) ScanImageRepository(
	_ context.Context, r *scannerv1.ScanImageRepositoryRequest,
) (*scannerv1.ScanImageRepositoryResponse, error) {
	return s.scan(r)
}

func (s *services) ReconcileImagePolicy(
	_ context.Context, r *resolverv1.ReconcileImagePolicyRequest,
) (*resolverv1.ReconcileImagePolicyResponse, error) {
	return s.evaluate(r)
}

func (s *services) RunImageUpdateAutomation(
	_ *updaterv1.RunImageUpdateAutomationRequest, stream grpc.ServerStreamingServer[updaterv1.RunImageUpdateAutomationResponse],
) error {
	return s.run(stream)
}

func (s *services) ApplyImageRepository(
	_ context.Context, r *scannerv1.ApplyImageRepositoryRequest,
) (*scannerv1.ApplyImageRepositoryResponse, error) {
	o, outcome, err := s.repositories.apply(r.GetImageRepository(), r)
	return &scannerv1.ApplyImageRepositoryResponse{ImageRepository: o, Outcome: outcome}, err
}

func (s *services) GetImageRepository(
	_ context.Context, r *scannerv1.GetImageRepositoryRequest,
) (*scannerv1.GetImageRepositoryResponse, error) {
	o, err := s.repositories.get(r.GetNamespace(), r.GetName())
	return &scannerv1.GetImageRepositoryResponse{ImageRepository: o}, err
}

func (s *services) ListImageRepositories(
	_ context.Context, r *scannerv1.ListImageRepositoriesRequest,
) (*scannerv1.ListImageRepositoriesResponse, error) {
	page, next := s.repositories.list(r.GetNamespace(), r.GetLabelSelector(), r.GetPageToken())
	return &scannerv1.ListImageRepositoriesResponse{ImageRepositories: page, NextPageToken: next}, nil
}

func (s *services) WatchImageRepositories(
	r *scannerv1.WatchImageRepositoriesRequest, stream grpc.ServerStreamingServer[scannerv1.WatchImageRepositoriesResponse],
) error {
	return s.repositories.watch(stream.Context(), r.GetResumeToken(), func(changed **scannerv1.ImageRepository, deleted *metav1.ObjectDeleted, token string) error {
		event := &scannerv1.WatchImageRepositoriesResponse{ResumeToken: token}
		switch {
		case changed != nil:
			event.Event = &scannerv1.WatchImageRepositoriesResponse_Changed{Changed: *changed}
		case deleted != nil:
			event.Event = &scannerv1.WatchImageRepositoriesResponse_Deleted{Deleted: deleted}
		default:
			event.Event = &scannerv1.WatchImageRepositoriesResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
		}
		return stream.Send(event)
	})
}

func (s *services) ApplyImagePolicy(
	_ context.Context, r *resolverv1.ApplyImagePolicyRequest,
) (*resolverv1.ApplyImagePolicyResponse, error) {
	o, outcome, err := s.policies.apply(r.GetImagePolicy(), r)
	return &resolverv1.ApplyImagePolicyResponse{ImagePolicy: o, Outcome: outcome}, err
}

func (s *services) GetImagePolicy(
	_ context.Context, r *resolverv1.GetImagePolicyRequest,
) (*resolverv1.GetImagePolicyResponse, error) {
	o, err := s.policies.get(r.GetNamespace(), r.GetName())
	return &resolverv1.GetImagePolicyResponse{ImagePolicy: o}, err
}

func (s *services) ListImagePolicies(
	_ context.Context, r *resolverv1.ListImagePoliciesRequest,
) (*resolverv1.ListImagePoliciesResponse, error) {
	page, next := s.policies.list(r.GetNamespace(), r.GetLabelSelector(), r.GetPageToken())
	return &resolverv1.ListImagePoliciesResponse{ImagePolicies: page, NextPageToken: next}, nil
}

func (s *services) WatchImagePolicies(
	r *resolverv1.WatchImagePoliciesRequest, stream grpc.ServerStreamingServer[resolverv1.WatchImagePoliciesResponse],
) error {
	return s.policies.watch(stream.Context(), r.GetResumeToken(), func(changed **resolverv1.ImagePolicy, deleted *metav1.ObjectDeleted, token string) error {
		event := &resolverv1.WatchImagePoliciesResponse{ResumeToken: token}
		switch {
		case changed != nil:
			event.Event = &resolverv1.WatchImagePoliciesResponse_Changed{Changed: *changed}
		case deleted != nil:
			event.Event = &resolverv1.WatchImagePoliciesResponse_Deleted{Deleted: deleted}
		default:
			event.Event = &resolverv1.WatchImagePoliciesResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
		}
		return stream.Send(event)
	})
}

func (s *services) ApplyGitRepository(
	_ context.Context, r *updaterv1.ApplyGitRepositoryRequest,
) (*updaterv1.ApplyGitRepositoryResponse, error) {
	o, outcome, err := s.sources.apply(r.GetGitRepository(), r)
	return &updaterv1.ApplyGitRepositoryResponse{GitRepository: o, Outcome: outcome}, err
}

func (s *services) GetGitRepository(
	_ context.Context, r *updaterv1.GetGitRepositoryRequest,
) (*updaterv1.GetGitRepositoryResponse, error) {
	o, err := s.sources.get(r.GetNamespace(), r.GetName())
	return &updaterv1.GetGitRepositoryResponse{GitRepository: o}, err
}

func (s *services) ListGitRepositories(
	_ context.Context, r *updaterv1.ListGitRepositoriesRequest,
) (*updaterv1.ListGitRepositoriesResponse, error) {
	page, next := s.sources.list(r.GetNamespace(), r.GetLabelSelector(), r.GetPageToken())
	return &updaterv1.ListGitRepositoriesResponse{GitRepositories: page, NextPageToken: next}, nil
}

func (s *services) WatchGitRepositories(
	r *updaterv1.WatchGitRepositoriesRequest, stream grpc.ServerStreamingServer[updaterv1.WatchGitRepositoriesResponse],
) error {
	return s.sources.watch(stream.Context(), r.GetResumeToken(), func(changed **updaterv1.GitRepository, deleted *metav1.ObjectDeleted, token string) error {
		event := &updaterv1.WatchGitRepositoriesResponse{ResumeToken: token}
		switch {
		case changed != nil:
			event.Event = &updaterv1.WatchGitRepositoriesResponse_Changed{Changed: *changed}
		case deleted != nil:
			event.Event = &updaterv1.WatchGitRepositoriesResponse_Deleted{Deleted: deleted}
		default:
			event.Event = &updaterv1.WatchGitRepositoriesResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
		}
		return stream.Send(event)
	})
}

func (s *services) ApplyImageUpdateAutomation(
	_ context.Context, r *updaterv1.ApplyImageUpdateAutomationRequest,
) (*updaterv1.ApplyImageUpdateAutomationResponse, error) {
	o, outcome, err := s.automations.apply(r.GetImageUpdateAutomation(), r)
	return &updaterv1.ApplyImageUpdateAutomationResponse{ImageUpdateAutomation: o, Outcome: outcome}, err
}

func (s *services) GetImageUpdateAutomation(
	_ context.Context, r *updaterv1.GetImageUpdateAutomationRequest,
) (*updaterv1.GetImageUpdateAutomationResponse, error) {
	o, err := s.automations.get(r.GetNamespace(), r.GetName())
	return &updaterv1.GetImageUpdateAutomationResponse{ImageUpdateAutomation: o}, err
}

func (s *services) ListImageUpdateAutomations(
	_ context.Context, r *updaterv1.ListImageUpdateAutomationsRequest,
) (*updaterv1.ListImageUpdateAutomationsResponse, error) {
	page, next := s.automations.list(r.GetNamespace(), r.GetLabelSelector(), r.GetPageToken())
	return &updaterv1.ListImageUpdateAutomationsResponse{ImageUpdateAutomations: page, NextPageToken: next}, nil
}

func (s *services) WatchImageUpdateAutomations(
	r *updaterv1.WatchImageUpdateAutomationsRequest, stream grpc.ServerStreamingServer[updaterv1.WatchImageUpdateAutomationsResponse],
) error {
	return s.automations.watch(stream.Context(), r.GetResumeToken(), func(changed **updaterv1.ImageUpdateAutomation, deleted *metav1.ObjectDeleted, token string) error {
		event := &updaterv1.WatchImageUpdateAutomationsResponse{ResumeToken: token}
		switch {
		case changed != nil:
			event.Event = &updaterv1.WatchImageUpdateAutomationsResponse_Changed{Changed: *changed}
		case deleted != nil:
			event.Event = &updaterv1.WatchImageUpdateAutomationsResponse_Deleted{Deleted: deleted}
		default:
			event.Event = &updaterv1.WatchImageUpdateAutomationsResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
		}
		return stream.Send(event)
	})
}

func (s *services) ApplyReceiver(
	_ context.Context, r *scannerv1.ApplyReceiverRequest,
) (*scannerv1.ApplyReceiverResponse, error) {
	o, outcome, err := s.receivers.apply(r.GetReceiver(), r)
	return &scannerv1.ApplyReceiverResponse{Receiver: o, Outcome: outcome}, err
}

func (s *services) GetReceiver(
	_ context.Context, r *scannerv1.GetReceiverRequest,
) (*scannerv1.GetReceiverResponse, error) {
	o, err := s.receivers.get(r.GetNamespace(), r.GetName())
	return &scannerv1.GetReceiverResponse{Receiver: o}, err
}

func (s *services) ListReceivers(
	_ context.Context, r *scannerv1.ListReceiversRequest,
) (*scannerv1.ListReceiversResponse, error) {
	page, next := s.receivers.list(r.GetNamespace(), r.GetLabelSelector(), r.GetPageToken())
	return &scannerv1.ListReceiversResponse{Receivers: page, NextPageToken: next}, nil
}
