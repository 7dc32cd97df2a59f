// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

// CompareTags says whether a policy would call a step from one tag to another an upgrade. The order alone counts, and
// neither age nor platforms nor labels. What is decided where the order leaves it open:
//
//   - The current tag is filtered out or unreadable: CURRENT_NOT_ELIGIBLE, whatever the proposed one is.
//   - The proposed tag is not eligible: never NEWER, for the policy would not move to it. OLDER, or EQUAL where what is
//     ordered is equal (both out of range).
//   - The current tag is out of range and the proposed one in it: NEWER, for Resolve over the two selects the proposed one,
//     even where its version is lower.
//   - Two tags of equal order: EQUAL, though Resolve selects the one with the larger bytes.
func (s *Resolution) CompareTags(
	ctx context.Context, req *resolverv1.CompareTagsRequest,
) (*resolverv1.CompareTagsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c, err := s.comparison(ctx, req)
	if err != nil {
		return nil, err
	}
	current, proposed := c.policy.Standing(c.current), c.policy.Standing(c.proposed)
	comparison, reason := c.compare(current, proposed)
	return &resolverv1.CompareTagsResponse{Comparison: comparison, Reason: reason}, nil
}

// comparison is two tags and who compares them.
type comparison struct {
	policy            *policy.Policy
	span              string // the range; empty: none
	current, proposed policy.Tag
}

func (s *Resolution) comparison(ctx context.Context, req *resolverv1.CompareTagsRequest) (comparison, error) {
	subject, prefix, namespace := req.GetRequest(), "request.", ""
	if ref := req.GetImagePolicyRef(); ref != nil {
		stored, err := s.stored(ctx, object.KeyOf(ref.GetNamespace(), ref.GetName()))
		if err != nil {
			return comparison{}, err
		}
		repository := state.RepositoryOf(stored)
		subject, prefix, namespace = &resolverv1.ResolveRequest{
			Source: &resolverv1.ResolveRequest_ImageRepositoryRef{ImageRepositoryRef: &metav1.NamespacedObjectReference{
				Namespace: repository.Namespace, Name: repository.Name,
			}},
			Policy: stored.GetSpec().GetPolicy(), FilterTags: stored.GetSpec().GetFilterTags(),
		}, "imagePolicyRef.", object.KeyOfMeta(stored.GetMetadata()).Namespace
	}
	compiled, err := s.compile(subject, prefix)
	if err != nil {
		return comparison{}, err
	}
	c := comparison{
		policy: compiled, span: subject.GetPolicy().GetSemver().GetRange(),
		current:  policy.Tag{Name: req.GetCurrent(), Initial: true},
		proposed: policy.Tag{Name: req.GetProposed(), Initial: true},
	}
	if needsTimes(subject) && req.GetCurrent() != req.GetProposed() {
		err = s.addTimes(ctx, subject, namespace, &c.current, &c.proposed)
	}
	return c, err
}

func (s *Resolution) stored(ctx context.Context, key object.Key) (*resolverv1.ImagePolicy, error) {
	if s.policies == nil {
		return nil, fmt.Errorf("ImagePolicy %s: %w", key, object.ErrNotFound)
	}
	stored, err := s.policies.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("comparing tags: %w", err)
	}
	return stored, nil
}

// needsTimes says whether the order is one of times that are known somewhere. Tags that come with a request have none.
func needsTimes(req *resolverv1.ResolveRequest) bool {
	switch req.GetPolicy().GetChoice().(type) {
	case *resolverv1.ImagePolicyChoice_Semver, *resolverv1.ImagePolicyChoice_Alphabetical, *resolverv1.ImagePolicyChoice_Numerical:
		return false
	}
	return req.GetTagList() == nil
}

// addTimes looks the tags up. Tags that are not among the repository's have no time, and cannot be compared.
func (s *Resolution) addTimes(ctx context.Context, req *resolverv1.ResolveRequest, namespace string, tags ...*policy.Tag) error {
	known, err := s.tagsFor(ctx, req, namespace)
	if err != nil {
		return tagsError(err, "request.")
	}
	_, snapshot := known.Current()
	for _, tag := range tags {
		found, ok := snapshot.Tag(tag.Name)
		if !ok {
			return rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY,
				"the policy orders by time, and nobody knows the time of %s: it is not among the tags of ImageRepository '%s'",
				tag.Name, repositoryOf(req))
		}
		*tag = found
	}
	return nil
}

// tagsFor are the tags as a policy of that namespace gets to see them; empty: the repository's own.
func (s *Resolution) tagsFor(ctx context.Context, req *resolverv1.ResolveRequest, namespace string) (*follow.Tags, error) {
	repository := repositoryOf(req)
	if s.source == nil || namespace == "" || namespace == repository.Namespace {
		return s.tagsOf(ctx, req)
	}
	return s.source.Refresh(ctx, repository, namespace)
}

func (c comparison) compare(current, proposed policy.Standing) (resolverv1.Comparison, string) {
	if !current.Placeable() {
		return resolverv1.Comparison_COMPARISON_CURRENT_NOT_ELIGIBLE, "the policy cannot place the current tag: " + c.fault(current)
	}
	if !proposed.Placeable() {
		return resolverv1.Comparison_COMPARISON_OLDER, "the policy would never select the proposed tag: " + c.fault(proposed)
	}
	order := c.policy.CompareRanks(proposed, current)
	switch {
	case order == 0:
		return resolverv1.Comparison_COMPARISON_EQUAL, fmt.Sprintf("%s is equal to %s", proposed.Tag, current.Tag)
	case proposed.Place == policy.OutOfRange:
		return resolverv1.Comparison_COMPARISON_OLDER, "the policy would never select the proposed tag: " + c.fault(proposed)
	case current.Place == policy.OutOfRange:
		return resolverv1.Comparison_COMPARISON_NEWER, fmt.Sprintf("the policy would move to %s: %s", proposed.Tag, c.fault(current))
	case order > 0:
		return resolverv1.Comparison_COMPARISON_NEWER, fmt.Sprintf("%s is newer than %s", proposed.Tag, current.Tag)
	default:
		return resolverv1.Comparison_COMPARISON_OLDER, fmt.Sprintf("%s is older than %s", proposed.Tag, current.Tag)
	}
}

// fault says why a tag is not eligible.
func (c comparison) fault(s policy.Standing) string {
	switch s.Place {
	case policy.Filtered:
		return fmt.Sprintf("the filter's pattern does not match %s", s.Tag)
	case policy.Unparsable:
		return fmt.Sprintf("%s is no version or number that it could order", s.Tag)
	case policy.OutOfRange:
		return fmt.Sprintf("%s is not in range %s", s.Tag, c.span)
	case policy.Eligible:
	}
	return s.Tag + " is eligible"
}
