// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package api answers the updater's RPCs: it converts, checks what the contracts' own rules cannot say, and calls.
package api

import (
	"context"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// Repositories is the GitRepositoryService.
type Repositories struct {
	updaterv1.UnimplementedGitRepositoryServiceServer
	Store *state.Repositories
}

// ApplyGitRepository checks the URL and the reference, and stores the object.
func (s *Repositories) ApplyGitRepository(
	ctx context.Context, req *updaterv1.ApplyGitRepositoryRequest,
) (*updaterv1.ApplyGitRepositoryResponse, error) {
	if err := refused("gitRepository.spec.", spec.CheckRepository(req.GetGitRepository())); err != nil {
		return nil, err
	}
	stored, outcome, err := objectapi.Apply(ctx, s.Store, req.GetGitRepository(), req)
	if err != nil {
		return nil, err
	}
	return &updaterv1.ApplyGitRepositoryResponse{GitRepository: stored, Outcome: outcome}, nil
}

// refused is the error of the violations, whose paths begin below the prefix; nil if there are none.
func refused(prefix string, violations []rpcerr.FieldViolation) error {
	for i := range violations {
		violations[i].Path = prefix + violations[i].Path
	}
	return rpcerr.Fields(violations)
}

// GetGitRepository reads one object.
func (s *Repositories) GetGitRepository(
	ctx context.Context, req *updaterv1.GetGitRepositoryRequest,
) (*updaterv1.GetGitRepositoryResponse, error) {
	found, err := objectapi.Get(ctx, s.Store, req)
	if err != nil {
		return nil, err
	}
	return &updaterv1.GetGitRepositoryResponse{GitRepository: found}, nil
}

// ListGitRepositories reads a page of objects.
func (s *Repositories) ListGitRepositories(
	ctx context.Context, req *updaterv1.ListGitRepositoriesRequest,
) (*updaterv1.ListGitRepositoriesResponse, error) {
	page, next, err := objectapi.List(ctx, s.Store, req)
	if err != nil {
		return nil, err
	}
	return &updaterv1.ListGitRepositoriesResponse{GitRepositories: page, NextPageToken: next}, nil
}

// DeleteGitRepository deletes one object.
func (s *Repositories) DeleteGitRepository(
	ctx context.Context, req *updaterv1.DeleteGitRepositoryRequest,
) (*updaterv1.DeleteGitRepositoryResponse, error) {
	if err := objectapi.Delete(ctx, s.Store, req); err != nil {
		return nil, err
	}
	return &updaterv1.DeleteGitRepositoryResponse{}, nil
}

// WatchGitRepositories streams objects as they change.
func (s *Repositories) WatchGitRepositories(
	req *updaterv1.WatchGitRepositoriesRequest, stream grpc.ServerStreamingServer[updaterv1.WatchGitRepositoriesResponse],
) error {
	return objectapi.WatchRequested(stream.Context(), s.Store, req, stream.Send, repositoryEvent)
}

func repositoryEvent(event object.Event[*updaterv1.GitRepository]) *updaterv1.WatchGitRepositoriesResponse {
	response := &updaterv1.WatchGitRepositoriesResponse{ResumeToken: event.ResumeToken}
	switch {
	case event.Changed != nil:
		response.Event = &updaterv1.WatchGitRepositoriesResponse_Changed{Changed: event.Changed}
	case event.Deleted != nil:
		response.Event = &updaterv1.WatchGitRepositoriesResponse_Deleted{Deleted: objectapi.Deleted(event)}
	default:
		response.Event = &updaterv1.WatchGitRepositoriesResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
	}
	return response
}
