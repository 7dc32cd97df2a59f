// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
	"github.com/tidemark-io/tidemark/scanner/internal/scan"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

// Repositories answers ImageRepositoryService.
type Repositories struct {
	scannerv1.UnimplementedImageRepositoryServiceServer

	State *state.State
	Scans *scan.Loop
}

// ApplyImageRepository implements the RPC. An image that is none is stored, and shows as a condition.
func (a *Repositories) ApplyImageRepository(
	ctx context.Context, req *scannerv1.ApplyImageRepositoryRequest,
) (*scannerv1.ApplyImageRepositoryResponse, error) {
	if err := checkSpec(req.GetImageRepository().GetSpec()); err != nil {
		return nil, err
	}
	repository, outcome, err := objectapi.Apply(ctx, a.State.Repositories, req.GetImageRepository(), req)
	if err != nil {
		return nil, err
	}
	return &scannerv1.ApplyImageRepositoryResponse{ImageRepository: repository, Outcome: outcome}, nil
}

func checkSpec(spec *scannerv1.ImageRepositorySpec) error {
	var violations []rpcerr.FieldViolation
	for i, pattern := range spec.GetExclusionList().GetPatterns() {
		if _, err := registry.CompileExclusions([]string{pattern}); err != nil {
			violations = append(violations, rpcerr.FieldViolation{
				Path:     fmt.Sprintf("image_repository.spec.exclusion_list.patterns[%d]", i),
				Sentence: err.Error(),
			})
		}
	}
	return rpcerr.Fields(violations)
}

// GetImageRepository implements the RPC.
func (a *Repositories) GetImageRepository(
	ctx context.Context, req *scannerv1.GetImageRepositoryRequest,
) (*scannerv1.GetImageRepositoryResponse, error) {
	repository, err := objectapi.Get(ctx, a.State.Repositories, req)
	if err != nil {
		return nil, err
	}
	return &scannerv1.GetImageRepositoryResponse{ImageRepository: repository}, nil
}

// ListImageRepositories implements the RPC.
func (a *Repositories) ListImageRepositories(
	ctx context.Context, req *scannerv1.ListImageRepositoriesRequest,
) (*scannerv1.ListImageRepositoriesResponse, error) {
	page, next, err := objectapi.List(ctx, a.State.Repositories, req)
	if err != nil {
		return nil, err
	}
	return &scannerv1.ListImageRepositoriesResponse{ImageRepositories: page, NextPageToken: next}, nil
}

// DeleteImageRepository implements the RPC.
func (a *Repositories) DeleteImageRepository(
	ctx context.Context, req *scannerv1.DeleteImageRepositoryRequest,
) (*scannerv1.DeleteImageRepositoryResponse, error) {
	if err := a.State.Delete(ctx, objectapi.Key(req)); err != nil {
		return nil, err
	}
	return &scannerv1.DeleteImageRepositoryResponse{}, nil
}

// WatchImageRepositories implements the RPC.
func (a *Repositories) WatchImageRepositories(
	req *scannerv1.WatchImageRepositoriesRequest, stream grpc.ServerStreamingServer[scannerv1.WatchImageRepositoriesResponse],
) error {
	return objectapi.WatchRequested(stream.Context(), a.State.Repositories, req, stream.Send, repositoryEvent)
}

func repositoryEvent(event object.Event[state.Repository]) *scannerv1.WatchImageRepositoriesResponse {
	response := &scannerv1.WatchImageRepositoriesResponse{ResumeToken: event.ResumeToken}
	switch {
	case event.Changed != nil:
		response.Event = &scannerv1.WatchImageRepositoriesResponse_Changed{Changed: event.Changed}
	case event.Deleted != nil:
		response.Event = &scannerv1.WatchImageRepositoriesResponse_Deleted{Deleted: objectapi.Deleted(event)}
	default:
		response.Event = &scannerv1.WatchImageRepositoriesResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
	}
	return response
}

// ScanImageRepository implements the RPC.
func (a *Repositories) ScanImageRepository(
	ctx context.Context, req *scannerv1.ScanImageRepositoryRequest,
) (*scannerv1.ScanImageRepositoryResponse, error) {
	key := objectapi.Key(req)
	scanNow := a.Scans.Scan
	if req.GetAcceptShrink() {
		scanNow = a.Scans.ScanAcceptingShrink
	}
	outcome, err := scanNow(ctx, key)
	if err != nil {
		return nil, scanError(key, err)
	}
	return &scannerv1.ScanImageRepositoryResponse{ImageRepository: outcome.Repository, Result: outcome.Result}, nil
}
