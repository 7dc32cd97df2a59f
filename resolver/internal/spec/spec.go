// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package spec turns policies as the API has them into those of package policy, and says which of their fields are wrong.
// It checks what the contract's own rules cannot say.
package spec

import (
	"errors"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
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

// Check returns what is wrong with a spec; the paths are below spec.
func Check(s *resolverv1.ImagePolicySpec) []rpcerr.FieldViolation {
	var violations []rpcerr.FieldViolation
	_, err := Compile(s.GetPolicy(), s.GetFilterTags())
	if wrong, ok := errors.AsType[*policy.FieldError](err); ok {
		violations = append(violations, rpcerr.FieldViolation{Path: wrong.Field, Sentence: wrong.Reason})
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
