// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"math"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/server"
	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

// maxBatchTags bounds the tags that come with one call, all requests of a batch together.
const maxBatchTags = 200_000

// maxTagLength is the length of a tag, in bytes, that registries allow.
const maxTagLength = 128

// Source is where the tags of stored repositories come from: follow.Follower.
type Source interface {
	// Tags are what a policy of the repository's own namespace gets to see.
	Tags(ctx context.Context, repository object.Key) (*follow.Tags, error)
	// Refresh asks the scanner now, for a policy of that namespace.
	Refresh(ctx context.Context, repository object.Key, namespace string) (*follow.Tags, error)
	// Excluded are the tags that the repository's exclusion list leaves out.
	Excluded(ctx context.Context, repository object.Key) ([]string, error)
	// Digest reads a tag's digest.
	Digest(ctx context.Context, repository object.Key, tag, namespace string) (string, error)
}

// Resolution serves tidemark.resolver.v1.ResolutionService.
type Resolution struct {
	resolverv1.UnimplementedResolutionServiceServer

	source       Source
	facts        *facts.Source
	selector     *selection.Selector
	policies     *state.Policies
	explanations *shelf
	compiled     compiled
}

// NewResolution answers from a source of tags, and from what is known of them. policies are those that CompareTags can name.
func NewResolution(source Source, known *facts.Source, policies *state.Policies) *Resolution {
	return &Resolution{
		source: source, facts: known, selector: selection.New(known), policies: policies, explanations: newShelf(),
	}
}

// NewOffline answers about tags that come with the request: repositories and policies are never found.
func NewOffline() *Resolution { return &Resolution{explanations: newShelf()} }

// Resolve selects one tag.
func (s *Resolution) Resolve(ctx context.Context, req *resolverv1.ResolveRequest) (*resolverv1.ResolveResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return s.resolve(ctx, req, lists{})
}

// BatchResolve answers each request for itself, and those of a lockstep group together.
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
	grouped, err := checkLockstep(req)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	shared := lists{}
	results := make([]*resolverv1.BatchResolveResult, len(req.GetRequests()))
	for i, r := range req.GetRequests() {
		if _, together := grouped[i]; !together {
			results[i] = resultOf(func() (*resolverv1.ResolveResponse, error) { return s.resolveOne(ctx, r, shared) })
		}
	}
	for i, group := range req.GetLockstep() {
		s.resolveGroup(ctx, fmt.Sprintf("lockstep[%d]", i), group, req.GetRequests(), results)
	}
	return &resolverv1.BatchResolveResponse{Results: results}, nil
}

// resolveOne answers one request of a batch, which nobody has checked.
func (s *Resolution) resolveOne(ctx context.Context, req *resolverv1.ResolveRequest, shared lists) (*resolverv1.ResolveResponse, error) {
	if err := server.Validate(req); err != nil {
		return nil, err
	}
	return s.resolve(ctx, req, shared)
}

// resultOf answers one request of a batch; whatever happens to it happens to it alone.
func resultOf(answer func() (*resolverv1.ResolveResponse, error)) *resolverv1.BatchResolveResult {
	var resp *resolverv1.ResolveResponse
	err := lifecycle.Guard(func() (err error) {
		resp, err = answer()
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
	compiled, err := s.compile(req, "")
	if err != nil {
		return nil, err
	}
	image, outcome, err := s.choose(ctx, req, compiled, shared)
	if err != nil {
		return nil, selectionError(outcome, err)
	}
	ref := &resolverv1.ImageRef{Name: image, Tag: outcome.Tag}
	if err := s.addDigest(ctx, req, ref); err != nil {
		return nil, err
	}
	return response(ref, outcome), nil
}

func response(ref *resolverv1.ImageRef, outcome selection.Outcome) *resolverv1.ResolveResponse {
	return &resolverv1.ResolveResponse{
		LatestRef: ref, Considered: count(outcome.Considered), Rejected: count(outcome.Rejected), AgeClock: spec.AgeClock(outcome.Clock),
	}
}

// choose selects. The outcome's counts are right where the error is one of no tag.
func (s *Resolution) choose(
	ctx context.Context, req *resolverv1.ResolveRequest, p *policy.Policy, shared lists,
) (image string, outcome selection.Outcome, err error) {
	if list := req.GetTagList(); list != nil {
		outcome.Result, err = shared.evaluate(ctx, list.GetTags(), p)
		return "", outcome, err
	}
	set, err := s.stock(ctx, req, p)
	if err != nil {
		return "", outcome, err
	}
	outcome, err = s.selector.Select(ctx, set.question(req, p))
	return set.head.GetImage(), outcome, err
}

func count(n int) int32 { return int32(min(n, math.MaxInt32)) } //nolint:gosec // bounded here
