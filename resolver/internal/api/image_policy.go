// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package api is the resolver's gRPC surface: it checks what the contracts' own rules cannot, calls the domain, and gives
// errors their form on the wire. It decides nothing.
package api

import (
	"context"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/internal/reconcile"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

// Evaluator evaluates a stored policy now: reconcile.Reconciler.
type Evaluator interface {
	Reconcile(ctx context.Context, key object.Key) (*resolverv1.ImagePolicy, error)
	Hold(ctx context.Context, key object.Key, hold reconcile.Hold) (*resolverv1.ImagePolicy, error)
	Release(ctx context.Context, key object.Key) (*resolverv1.ImagePolicy, error)
}

// ImagePolicies serves tidemark.resolver.v1.ImagePolicyService.
type ImagePolicies struct {
	resolverv1.UnimplementedImagePolicyServiceServer

	policies  *state.Policies
	sights    *state.Sights
	evaluator Evaluator
}

// NewImagePolicies serves the policies of a store.
func NewImagePolicies(policies *state.Policies, sights *state.Sights, evaluator Evaluator) *ImagePolicies {
	return &ImagePolicies{policies: policies, sights: sights, evaluator: evaluator}
}

// ApplyImagePolicy creates or replaces a policy, unless it could never have an answer.
func (s *ImagePolicies) ApplyImagePolicy(
	ctx context.Context, req *resolverv1.ApplyImagePolicyRequest,
) (*resolverv1.ApplyImagePolicyResponse, error) {
	violations := spec.Check(req.GetImagePolicy().GetSpec())
	for i := range violations {
		violations[i].Path = "imagePolicy.spec." + violations[i].Path
	}
	if err := rpcerr.Fields(violations); err != nil {
		return nil, err
	}
	policy, outcome, err := objectapi.Apply(ctx, s.policies, req.GetImagePolicy(), req)
	if err != nil {
		return nil, err
	}
	return &resolverv1.ApplyImagePolicyResponse{ImagePolicy: policy, Outcome: outcome}, nil
}

// GetImagePolicy returns one policy.
func (s *ImagePolicies) GetImagePolicy(
	ctx context.Context, req *resolverv1.GetImagePolicyRequest,
) (*resolverv1.GetImagePolicyResponse, error) {
	policy, err := objectapi.Get(ctx, s.policies, req)
	if err != nil {
		return nil, err
	}
	return &resolverv1.GetImagePolicyResponse{ImagePolicy: policy}, nil
}

// ListImagePolicies returns a page of policies.
func (s *ImagePolicies) ListImagePolicies(
	ctx context.Context, req *resolverv1.ListImagePoliciesRequest,
) (*resolverv1.ListImagePoliciesResponse, error) {
	policies, next, err := objectapi.List(ctx, s.policies, req)
	if err != nil {
		return nil, err
	}
	return &resolverv1.ListImagePoliciesResponse{ImagePolicies: policies, NextPageToken: next}, nil
}

// DeleteImagePolicy deletes one policy.
func (s *ImagePolicies) DeleteImagePolicy(
	ctx context.Context, req *resolverv1.DeleteImagePolicyRequest,
) (*resolverv1.DeleteImagePolicyResponse, error) {
	key := objectapi.Key(req)
	if err := s.policies.Delete(ctx, key, s.sights.Delete(key)); err != nil {
		return nil, err
	}
	return &resolverv1.DeleteImagePolicyResponse{}, nil
}

// WatchImagePolicies streams policies as they change.
func (s *ImagePolicies) WatchImagePolicies(
	req *resolverv1.WatchImagePoliciesRequest, stream resolverv1.ImagePolicyService_WatchImagePoliciesServer,
) error {
	return objectapi.WatchRequested(stream.Context(), s.policies, req, stream.Send, watchResponse)
}

func watchResponse(event object.Event[*resolverv1.ImagePolicy]) *resolverv1.WatchImagePoliciesResponse {
	resp := &resolverv1.WatchImagePoliciesResponse{ResumeToken: event.ResumeToken}
	switch {
	case event.Checkpoint:
		resp.Event = &resolverv1.WatchImagePoliciesResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
	case event.Deleted != nil:
		resp.Event = &resolverv1.WatchImagePoliciesResponse_Deleted{Deleted: objectapi.Deleted(event)}
	default:
		resp.Event = &resolverv1.WatchImagePoliciesResponse_Changed{Changed: event.Changed}
	}
	return resp
}

// ReconcileImagePolicy evaluates a policy now.
func (s *ImagePolicies) ReconcileImagePolicy(
	ctx context.Context, req *resolverv1.ReconcileImagePolicyRequest,
) (*resolverv1.ReconcileImagePolicyResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	policy, err := s.evaluator.Reconcile(ctx, objectapi.Key(req))
	if err != nil {
		return nil, explain(err, "spec.")
	}
	return &resolverv1.ReconcileImagePolicyResponse{ImagePolicy: policy}, nil
}
