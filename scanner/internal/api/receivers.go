// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

// Receivers answers ReceiverService.
type Receivers struct {
	scannerv1.UnimplementedReceiverServiceServer

	Store *object.Store[state.Receiver]
}

// ApplyReceiver implements the RPC. Expressions that do not compile are refused; a secret that is not there shows as a
// condition.
func (a *Receivers) ApplyReceiver(
	ctx context.Context, req *scannerv1.ApplyReceiverRequest,
) (*scannerv1.ApplyReceiverResponse, error) {
	if err := checkReceiver(req.GetReceiver().GetSpec()); err != nil {
		return nil, err
	}
	stored, outcome, err := objectapi.Apply(ctx, a.Store, req.GetReceiver(), req)
	if err != nil {
		return nil, err
	}
	return &scannerv1.ApplyReceiverResponse{Receiver: stored, Outcome: outcome}, nil
}

func checkReceiver(spec *scannerv1.ReceiverSpec) error {
	_, err := receiver.Compile(spec, receiver.Credential{}, nil)
	violations := rpcerr.FieldViolations(err)
	if len(violations) == 0 {
		return err
	}
	for i := range violations {
		violations[i].Path = "receiver." + violations[i].Path
	}
	return rpcerr.Fields(violations)
}

// GetReceiver implements the RPC.
func (a *Receivers) GetReceiver(
	ctx context.Context, req *scannerv1.GetReceiverRequest,
) (*scannerv1.GetReceiverResponse, error) {
	stored, err := objectapi.Get(ctx, a.Store, req)
	if err != nil {
		return nil, err
	}
	return &scannerv1.GetReceiverResponse{Receiver: stored}, nil
}

// ListReceivers implements the RPC.
func (a *Receivers) ListReceivers(
	ctx context.Context, req *scannerv1.ListReceiversRequest,
) (*scannerv1.ListReceiversResponse, error) {
	page, next, err := objectapi.List(ctx, a.Store, req)
	if err != nil {
		return nil, err
	}
	return &scannerv1.ListReceiversResponse{Receivers: page, NextPageToken: next}, nil
}

// DeleteReceiver implements the RPC.
func (a *Receivers) DeleteReceiver(
	ctx context.Context, req *scannerv1.DeleteReceiverRequest,
) (*scannerv1.DeleteReceiverResponse, error) {
	if err := objectapi.Delete(ctx, a.Store, req); err != nil {
		return nil, err
	}
	return &scannerv1.DeleteReceiverResponse{}, nil
}
