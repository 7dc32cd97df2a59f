// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
)

// SuspendGitRepository makes the object rest by an operator's word.
func (s *Repositories) SuspendGitRepository(
	ctx context.Context, req *updaterv1.SuspendGitRepositoryRequest,
) (*updaterv1.SuspendGitRepositoryResponse, error) {
	suspended, err := objectapi.Suspend(ctx, s.Store, req)
	if err != nil {
		return nil, err
	}
	return &updaterv1.SuspendGitRepositoryResponse{GitRepository: suspended}, nil
}

// ResumeGitRepository takes the operator's word back; its automations run.
func (s *Repositories) ResumeGitRepository(
	ctx context.Context, req *updaterv1.ResumeGitRepositoryRequest,
) (*updaterv1.ResumeGitRepositoryResponse, error) {
	resumed, err := objectapi.Resume(ctx, s.Store, req)
	if err != nil {
		return nil, err
	}
	return &updaterv1.ResumeGitRepositoryResponse{GitRepository: resumed}, nil
}

// SuspendImageUpdateAutomation makes the object rest by an operator's word.
func (s *Automations) SuspendImageUpdateAutomation(
	ctx context.Context, req *updaterv1.SuspendImageUpdateAutomationRequest,
) (*updaterv1.SuspendImageUpdateAutomationResponse, error) {
	suspended, err := objectapi.Suspend(ctx, s.Store, req)
	if err != nil {
		return nil, err
	}
	return &updaterv1.SuspendImageUpdateAutomationResponse{ImageUpdateAutomation: suspended}, nil
}

// ResumeImageUpdateAutomation takes the operator's word back; who follows the objects runs it. With `force` it also says that
// commits which were undone hold nothing any longer.
func (s *Automations) ResumeImageUpdateAutomation(
	ctx context.Context, req *updaterv1.ResumeImageUpdateAutomationRequest,
) (*updaterv1.ResumeImageUpdateAutomationResponse, error) {
	var also []func(*metav1.Override)
	if req.GetForce() {
		now := timestamppb.Now()
		also = append(also, func(o *metav1.Override) {
			o.RevertRelease = &metav1.RevertRelease{Actor: cmp.Or(req.GetActor(), objectapi.DefaultActor), Time: now}
		})
	}
	resumed, err := objectapi.Resume(ctx, s.Store, req, also...)
	if err != nil {
		return nil, err
	}
	return &updaterv1.ResumeImageUpdateAutomationResponse{ImageUpdateAutomation: resumed}, nil
}
