// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"context"
	"errors"
	"time"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/internal/reconcile"
)

// HoldImagePolicy pins a policy's answer.
func (s *ImagePolicies) HoldImagePolicy(
	ctx context.Context, req *resolverv1.HoldImagePolicyRequest,
) (*resolverv1.HoldImagePolicyResponse, error) {
	if until := req.GetUntil(); until != nil {
		if err := until.CheckValid(); err != nil {
			return nil, rpcerr.Field("until", "is no time: "+err.Error())
		}
		if !until.AsTime().After(time.Now()) {
			return nil, rpcerr.Field("until", "is in the past; when is the hold to end?")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	policy, err := s.evaluator.Hold(ctx, objectapi.Key(req), reconcile.Hold{
		Tag: req.GetTag(), Actor: cmp.Or(req.GetActor(), objectapi.DefaultActor), Reason: req.GetReason(), Until: req.GetUntil(),
	})
	switch {
	case errors.Is(err, reconcile.ErrNoSuchTag):
		return nil, rpcerr.Field("tag", err.Error())
	case err != nil:
		return nil, explain(err, "spec.")
	}
	return &resolverv1.HoldImagePolicyResponse{ImagePolicy: policy}, nil
}

// ReleaseImagePolicy takes a hold back.
func (s *ImagePolicies) ReleaseImagePolicy(
	ctx context.Context, req *resolverv1.ReleaseImagePolicyRequest,
) (*resolverv1.ReleaseImagePolicyResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	policy, err := s.evaluator.Release(ctx, objectapi.Key(req))
	if err != nil {
		return nil, explain(err, "spec.")
	}
	return &resolverv1.ReleaseImagePolicyResponse{ImagePolicy: policy}, nil
}
