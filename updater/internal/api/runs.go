// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/updater/internal/run"
)

// ListRuns reads a page of an automation's runs, the last one first.
func (s *Automations) ListRuns(ctx context.Context, req *updaterv1.ListRunsRequest) (*updaterv1.ListRunsResponse, error) {
	if _, err := objectapi.Get(ctx, s.Store, req); err != nil {
		return nil, err
	}
	runs, next, err := s.Runs.Page(ctx, objectapi.Key(req), req.GetOutcomes(), int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &updaterv1.ListRunsResponse{Runs: runs, NextPageToken: next}, nil
}

// PreviewImageUpdateAutomation says what a run would commit now.
func (s *Automations) PreviewImageUpdateAutomation(
	ctx context.Context, req *updaterv1.PreviewImageUpdateAutomationRequest,
) (*updaterv1.PreviewImageUpdateAutomationResponse, error) {
	if _, err := objectapi.Get(ctx, s.Store, req); err != nil {
		return nil, err
	}
	if err := s.Dispatcher.Known(ctx); err != nil {
		return nil, err
	}
	preview, failure := s.Previewer.Preview(ctx, objectapi.Key(req))
	switch {
	case failure != nil && ctx.Err() != nil:
		return nil, ctx.Err() // it is the caller who went, whatever broke because of that
	case failure != nil && failure.Kind == run.Invalid:
		return nil, rpcerr.New(codes.InvalidArgument, metav1.ErrorReason_ERROR_REASON_INVALID_FIELD, "%s", failure.Sentence)
	case failure != nil:
		return nil, failed(failure)
	}
	return &updaterv1.PreviewImageUpdateAutomationResponse{Run: preview.Run, Diff: preview.Diff}, nil
}
