// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"math"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/server"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// maxBatchTags bounds the tags that come with one call, all requests of a batch together.
const maxBatchTags = 200_000

// maxTagLength is the length of a tag, in bytes, that registries allow.
const maxTagLength = 128

// Source is where the tags of stored repositories come from: follow.Follower.
type Source interface {
	Tags(ctx context.Context, repository object.Key) (*follow.Tags, error)
}

// Resolution serves tidemark.resolver.v1.ResolutionService.
type Resolution struct {
	resolverv1.UnimplementedResolutionServiceServer

	source Source
}

// NewResolution answers from a source of tags.
func NewResolution(source Source) *Resolution { return &Resolution{source: source} }

// Resolve selects one tag.
func (s *Resolution) Resolve(ctx context.Context, req *resolverv1.ResolveRequest) (*resolverv1.ResolveResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return s.resolve(ctx, req, lists{})
}

// BatchResolve answers each request for itself.
func (s *Resolution) BatchResolve(
	ctx context.Context, req *resolverv1.BatchResolveRequest,
) (*resolverv1.BatchResolveResponse, error) {
	tags := 0
	for _, r := range req.GetRequests() {
		tags += len(r.GetTagList().GetTags())
	}
	if tags > maxBatchTags {
		return nil, rpcerr.Field("requests", fmt.Sprintf("have %d tags in all; %d are allowed in one call", tags, maxBatchTags))
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	shared := lists{}
	results := make([]*resolverv1.BatchResolveResult, len(req.GetRequests()))
	for i, r := range req.GetRequests() {
		results[i] = s.resultOf(ctx, r, shared)
	}
	return &resolverv1.BatchResolveResponse{Results: results}, nil
}

// resultOf answers one request of a batch; whatever happens to it happens to it alone.
func (s *Resolution) resultOf(ctx context.Context, req *resolverv1.ResolveRequest, shared lists) *resolverv1.BatchResolveResult {
	var resp *resolverv1.ResolveResponse
	err := lifecycle.Guard(func() (err error) {
		if err = server.Validate(req); err == nil {
			resp, err = s.resolve(ctx, req, shared)
		}
		return err
	})
	if err != nil {
		return &resolverv1.BatchResolveResult{
			Result: &resolverv1.BatchResolveResult_Error{Error: rpcerr.ToStatus(err).Proto()},
		}
	}
	return &resolverv1.BatchResolveResult{Result: &resolverv1.BatchResolveResult_Response{Response: resp}}
}

// resolve answers a request that keeps the contract's own rules.
func (s *Resolution) resolve(
	ctx context.Context, req *resolverv1.ResolveRequest, shared lists,
) (*resolverv1.ResolveResponse, error) {
	compiled, err := spec.Compile(req.GetPolicy(), req.GetFilterTags())
	if err != nil {
		return nil, explain(err, "")
	}
	image, result, err := s.evaluate(ctx, req, compiled, shared)
	switch {
	case errors.Is(err, policy.ErrNoTags), errors.Is(err, policy.ErrNoneEligible):
		return nil, rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED,
			"%w: of %d tags the filter leaves out %d, %d are not parsable, and %d are out of range",
			err, result.Considered, result.Filtered, result.Unparsed, result.OutOfRange)
	case errors.Is(err, follow.ErrAbsent): // here the caller has named it
		return nil, rpcerr.New(codes.NotFound, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND, "%w", err)
	case err != nil:
		return nil, explain(err, "")
	}
	return &resolverv1.ResolveResponse{
		LatestRef:  &resolverv1.ImageRef{Name: image, Tag: result.Tag},
		Considered: count(result.Considered),
		Rejected:   count(result.Rejected),
	}, nil
}

func (s *Resolution) evaluate(
	ctx context.Context, req *resolverv1.ResolveRequest, p *policy.Policy, shared lists,
) (image string, result policy.Result, err error) {
	if list := req.GetTagList(); list != nil {
		result, err = shared.evaluate(ctx, list.GetTags(), p)
		return "", result, err
	}
	ref := req.GetImageRepositoryRef()
	tags, err := s.source.Tags(ctx, object.KeyOf(ref.GetNamespace(), ref.GetName()))
	if err != nil {
		return "", policy.Result{}, err
	}
	head, result, err := tags.Evaluate(ctx, p)
	return head.GetImage(), result, err
}

func count(n int) int32 { return int32(min(n, math.MaxInt32)) } //nolint:gosec // bounded here
