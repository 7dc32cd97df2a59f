// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
)

// SuspendImagePolicy makes the object rest by an operator's word.
func (s *ImagePolicies) SuspendImagePolicy(
	ctx context.Context, req *resolverv1.SuspendImagePolicyRequest,
) (*resolverv1.SuspendImagePolicyResponse, error) {
	suspended, err := objectapi.Suspend(ctx, s.policies, req)
	if err != nil {
		return nil, err
	}
	return &resolverv1.SuspendImagePolicyResponse{ImagePolicy: suspended}, nil
}

// ResumeImagePolicy takes the operator's word back; who follows the objects evaluates.
func (s *ImagePolicies) ResumeImagePolicy(
	ctx context.Context, req *resolverv1.ResumeImagePolicyRequest,
) (*resolverv1.ResumeImagePolicyResponse, error) {
	resumed, err := objectapi.Resume(ctx, s.policies, req)
	if err != nil {
		return nil, err
	}
	return &resolverv1.ResumeImagePolicyResponse{ImagePolicy: resumed}, nil
}
