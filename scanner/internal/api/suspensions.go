// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
)

// SuspendImageRepository makes the object rest by an operator's word.
func (a *Repositories) SuspendImageRepository(
	ctx context.Context, req *scannerv1.SuspendImageRepositoryRequest,
) (*scannerv1.SuspendImageRepositoryResponse, error) {
	suspended, err := objectapi.Suspend(ctx, a.State.Repositories, req)
	if err != nil {
		return nil, err
	}
	return &scannerv1.SuspendImageRepositoryResponse{ImageRepository: suspended}, nil
}

// ResumeImageRepository takes the operator's word back; who follows the objects scans.
func (a *Repositories) ResumeImageRepository(
	ctx context.Context, req *scannerv1.ResumeImageRepositoryRequest,
) (*scannerv1.ResumeImageRepositoryResponse, error) {
	resumed, err := objectapi.Resume(ctx, a.State.Repositories, req)
	if err != nil {
		return nil, err
	}
	return &scannerv1.ResumeImageRepositoryResponse{ImageRepository: resumed}, nil
}

// SuspendReceiver makes the object rest by an operator's word.
func (a *Receivers) SuspendReceiver(
	ctx context.Context, req *scannerv1.SuspendReceiverRequest,
) (*scannerv1.SuspendReceiverResponse, error) {
	suspended, err := objectapi.Suspend(ctx, a.Store, req)
	if err != nil {
		return nil, err
	}
	return &scannerv1.SuspendReceiverResponse{Receiver: suspended}, nil
}

// ResumeReceiver takes the operator's word back.
func (a *Receivers) ResumeReceiver(
	ctx context.Context, req *scannerv1.ResumeReceiverRequest,
) (*scannerv1.ResumeReceiverResponse, error) {
	resumed, err := objectapi.Resume(ctx, a.Store, req)
	if err != nil {
		return nil, err
	}
	return &scannerv1.ResumeReceiverResponse{Receiver: resumed}, nil
}
