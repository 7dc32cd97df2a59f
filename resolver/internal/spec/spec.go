// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package spec turns policies as the API has them into those of package policy, and says which of their fields are wrong.
// It checks what the contract's own rules cannot say.
package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
)

// Compile makes a choice and a filter ready for use; both may be nil. The error is a *policy.FieldError.
func Compile(choice *resolverv1.ImagePolicyChoice, filter *resolverv1.TagFilter) (*policy.Policy, error) {
	s := policy.Spec{}
	switch c := choice.GetChoice().(type) {
	case *resolverv1.ImagePolicyChoice_Semver:
		s.SemVer = &policy.SemVer{Range: c.Semver.GetRange()}
	case *resolverv1.ImagePolicyChoice_Alphabetical:
		s.Alphabetical = &policy.Alphabetical{Order: orderOf(c.Alphabetical.GetOrder())}
	case *resolverv1.ImagePolicyChoice_Numerical:
		s.Numerical = &policy.Numerical{Order: orderOf(c.Numerical.GetOrder())}
	case *resolverv1.ImagePolicyChoice_Latest:
		s.Latest = &policy.Latest{By: recencyOf(c.Latest.GetBy())}
	default:
		s.Latest = &policy.Latest{}
	}
	if filter != nil {
		s.Filter = &policy.Filter{Pattern: filter.GetPattern(), Extract: filter.GetExtract()}
	}
	return policy.Compile(s)
}

func orderOf(order resolverv1.SortOrder) policy.Order {
	if order == resolverv1.SortOrder_SORT_ORDER_DESC {
		return policy.Descending
	}
	return policy.Ascending
}

func recencyOf(by resolverv1.LatestBy) policy.Recency {
	switch by {
	case resolverv1.LatestBy_LATEST_BY_FIRST_SEEN:
		return policy.ByFirstSeen
	case resolverv1.LatestBy_LATEST_BY_CREATED:
		return policy.ByCreated
	case resolverv1.LatestBy_LATEST_BY_UNSPECIFIED, resolverv1.LatestBy_LATEST_BY_PUSHED:
	}
	return policy.ByPushed
}

// Latest says whether a choice is by time, as no choice is.
func Latest(choice *resolverv1.ImagePolicyChoice) bool {
	return choice.GetChoice() == nil || choice.GetLatest() != nil
}

// Predicates are the fields that a policy and a request to Resolve have in common beside the order.
type Predicates interface {
	GetMinimumAge() *resolverv1.MinimumAge
	GetPlatforms() []string
	GetLabels() map[string]string
}

// Requirements returns what a tag must be beside the best.
func Requirements(p Predicates) selection.Requirements {
	return selection.Requirements{
		MinimumAge: p.GetMinimumAge().GetDuration().AsDuration(), IncludeFirstScan: p.GetMinimumAge().GetIncludeFirstScan(),
		Platforms: p.GetPlatforms(), Labels: p.GetLabels(),
	}
}

// CheckRequest returns what contradicts itself in a request to Resolve; the paths are the request's.
func CheckRequest(req *resolverv1.ResolveRequest) []rpcerr.FieldViolation {
	if req.GetTagList() == nil {
		return nil
	}
	var violations []rpcerr.FieldViolation
	refuse := func(path string, set bool, sentence string) {
		if set {
			violations = append(violations, rpcerr.FieldViolation{Path: path, Sentence: sentence})
		}
	}
	refuse("minimumAge", req.GetMinimumAge() != nil, "needs an imageRepositoryRef: nobody knows how old the tags of a tagList are")
	refuse("platforms", len(req.GetPlatforms()) > 0, "need an imageRepositoryRef: there is no registry to ask about the tags of a tagList")
	refuse("labels", len(req.GetLabels()) > 0, "need an imageRepositoryRef: there is no registry to ask about the tags of a tagList")
	mode := req.GetDigestReflectionPolicy()
	refuse("digestReflectionPolicy", mode == resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_ALWAYS ||
		mode == resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_IF_NOT_PRESENT,
		"needs an imageRepositoryRef: there is no registry to ask about the tags of a tagList")
	return violations
}

// Check returns what is wrong with a spec; the paths are below spec.
func Check(s *resolverv1.ImagePolicySpec) []rpcerr.FieldViolation {
	var violations []rpcerr.FieldViolation
	_, err := Compile(s.GetPolicy(), s.GetFilterTags())
	if wrong, ok := errors.AsType[*policy.FieldError](err); ok {
		violations = append(violations, rpcerr.FieldViolation{Path: wrong.Field, Sentence: wrong.Reason})
	}
	if wrong := checkLabels(s.GetLabels()); wrong != nil {
		violations = append(violations, *wrong)
	}
	always := s.GetDigestReflectionPolicy() == resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_ALWAYS
	switch {
	case always && s.GetInterval() == nil:
		violations = append(violations, rpcerr.FieldViolation{
			Path: "interval", Sentence: "is required with digestReflectionPolicy Always: how often is the digest to be read again?",
		})
	case !always && s.GetInterval() != nil:
		violations = append(violations, rpcerr.FieldViolation{
			Path: "interval", Sentence: "has a meaning with digestReflectionPolicy Always only; leave it out",
		})
	}
	return violations
}

// checkLabels refuses keys that no image can have.
func checkLabels(labels map[string]string) *rpcerr.FieldViolation {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if strings.TrimSpace(key) != key || strings.ContainsFunc(key, unicode.IsControl) {
			return &rpcerr.FieldViolation{
				Path: "labels", Sentence: fmt.Sprintf("the key %q has spaces around it or control characters in it", key),
			}
		}
	}
	return nil
}
