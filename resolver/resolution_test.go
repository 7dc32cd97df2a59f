// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func repository(name string) *resolverv1.ResolveRequest_ImageRepositoryRef {
	return &resolverv1.ResolveRequest_ImageRepositoryRef{ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: name}}
}

func tagList(tags ...string) *resolverv1.ResolveRequest_TagList {
	return &resolverv1.ResolveRequest_TagList{TagList: &resolverv1.TagList{Tags: tags}}
}

// resolveCase is a request and what comes of it: a tag, or a code and reason, and a field.
type resolveCase struct {
	req    *resolverv1.ResolveRequest
	image  string
	tag    string
	code   codes.Code
	reason metav1.ErrorReason
	field  string
}

func resolveCases() map[string]resolveCase {
	semver := semverChoice
	invalid := metav1.ErrorReason_ERROR_REASON_INVALID_FIELD
	return map[string]resolveCase{
		"tags by version": {req: &resolverv1.ResolveRequest{Source: tagList("1.0.0", "1.2.0", "1.2.0", "x"), Policy: semver("1.x")}, tag: "1.2.0"},
		"tags, no policy": {req: &resolverv1.ResolveRequest{Source: tagList("1.9.0", "1.10.0", "zzz")}, tag: "1.10.0"},
		"tags, filtered": {req: &resolverv1.ResolveRequest{
			Source: tagList("rc-2", "rc-10", "11"), Policy: numericalChoice(0),
			FilterTags: &resolverv1.TagFilter{Pattern: `^rc-(\d+)$`, Extract: "$1"},
		}, tag: "rc-10"},
		"stored repository": {
			req:   &resolverv1.ResolveRequest{Source: repository("app"), Policy: semver("1.x")},
			image: "registry.test/app", tag: "1.1.0",
		},
		"no such repository": {
			req:  &resolverv1.ResolveRequest{Source: repository("none")},
			code: codes.NotFound, reason: metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND,
		},
		"repository not scanned": {
			req:  &resolverv1.ResolveRequest{Source: repository("new")},
			code: codes.FailedPrecondition, reason: metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY,
		},
		"nothing in range": {
			req:  &resolverv1.ResolveRequest{Source: tagList("1.0.0"), Policy: semver(">1")},
			code: codes.FailedPrecondition, reason: metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED,
		},
		"no tags": {
			req:  &resolverv1.ResolveRequest{Source: tagList()},
			code: codes.FailedPrecondition, reason: metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED,
		},
		"no source": {req: &resolverv1.ResolveRequest{Policy: semver("*")}, code: codes.InvalidArgument, reason: invalid, field: "source"},
		"bad range": {
			req:  &resolverv1.ResolveRequest{Source: tagList("1.0.0"), Policy: semver("newest")},
			code: codes.InvalidArgument, reason: invalid, field: "policy.semver.range",
		},
		"no range": {
			req:  &resolverv1.ResolveRequest{Source: tagList("1.0.0"), Policy: semver("")},
			code: codes.InvalidArgument, reason: invalid, field: "policy.semver.range",
		},
		"bad pattern": {
			req:  &resolverv1.ResolveRequest{Source: tagList("1.0.0"), FilterTags: &resolverv1.TagFilter{Pattern: "("}},
			code: codes.InvalidArgument, reason: invalid, field: "filterTags.pattern",
		},
		"long pattern": {
			req: &resolverv1.ResolveRequest{
				Source: tagList("1.0.0"), FilterTags: &resolverv1.TagFilter{Pattern: strings.Repeat("a", 1025)},
			},
			code: codes.InvalidArgument, reason: invalid, field: "filterTags.pattern",
		},
		"long tag": {
			req:  &resolverv1.ResolveRequest{Source: tagList("1.0.0", strings.Repeat("a", 129))},
			code: codes.InvalidArgument, reason: invalid, field: "tagList.tags[1]",
		},
		"unknown order": {
			req:  &resolverv1.ResolveRequest{Source: tagList("1"), Policy: numericalChoice(7)},
			code: codes.InvalidArgument, reason: invalid, field: "policy.numerical.order",
		},
	}
}

func (c resolveCase) check(t *testing.T, resp *resolverv1.ResolveResponse, err error) {
	t.Helper()
	if status.Code(err) != c.code || rpcerr.Reason(err) != c.reason {
		t.Errorf("got %v, %v", resp, err)
	}
	if violations := rpcerr.FieldViolations(err); c.field != "" && (len(violations) != 1 || violations[0].Path != c.field) {
		t.Errorf("the fields are %v, not %s", violations, c.field)
	}
	if ref := resp.GetLatestRef(); ref.GetTag() != c.tag || ref.GetName() != c.image {
		t.Errorf("got %v", ref)
	}
}

func resolveStage(t *testing.T) *stage {
	t.Helper()
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0", "2.0.0")
	s.scanner.declare("flux-system/new")
	return s
}

func TestResolveAnswersEachForItself(t *testing.T) {
	s := resolveStage(t)
	for name, c := range resolveCases() {
		t.Run(name, func(t *testing.T) {
			resp, err := s.resolve.Resolve(s.ctx(), c.req)
			c.check(t, resp, err)
		})
	}
}

func TestBatchResolveLetsNoRequestSpoilAnother(t *testing.T) {
	s := resolveStage(t)
	var cases []resolveCase
	req := &resolverv1.BatchResolveRequest{}
	for range 2 { // the second time over lists that are known
		for _, c := range resolveCases() {
			cases = append(cases, c)
			req.Requests = append(req.Requests, c.req)
		}
	}
	resp, err := s.resolve.BatchResolve(s.ctx(), req)
	if err != nil || len(resp.GetResults()) != len(cases) {
		t.Fatalf("got %v, %v", resp, err)
	}
	for i, c := range cases {
		result := resp.GetResults()[i]
		var err error
		if st := result.GetError(); st != nil {
			err = rpcerr.FromError(status.ErrorProto(st))
		}
		c.check(t, result.GetResponse(), err)
	}
}

func TestBatchResolveIsBounded(t *testing.T) {
	s := newStage(t)
	one := &resolverv1.ResolveRequest{Source: tagList("1.0.0")}
	many := make([]string, 100_001)
	for i := range many {
		many[i] = fmt.Sprintf("1.0.%d", i)
	}
	large := &resolverv1.ResolveRequest{Source: tagList(many...)}
	tooMany := &resolverv1.BatchResolveRequest{}
	for range 1001 {
		tooMany.Requests = append(tooMany.Requests, one)
	}
	for name, req := range map[string]*resolverv1.BatchResolveRequest{
		"no requests":       {},
		"too many requests": tooMany,
		"too many tags":     {Requests: []*resolverv1.ResolveRequest{large, large}},
	} {
		_, err := s.resolve.BatchResolve(s.ctx(), req)
		if violations := rpcerr.FieldViolations(err); len(violations) != 1 || violations[0].Path != "requests" {
			t.Errorf("%s: %v", name, err)
		}
	}
	resp, err := s.resolve.BatchResolve(s.ctx(), &resolverv1.BatchResolveRequest{Requests: []*resolverv1.ResolveRequest{large, one}})
	if err != nil || resp.GetResults()[0].GetResponse().GetLatestRef().GetTag() != "1.0.100000" {
		t.Errorf("got %v", err)
	}
}

func TestResolveCountsAndFollows(t *testing.T) {
	s := resolveStage(t)
	req := &resolverv1.ResolveRequest{Source: repository("app"), Policy: semverChoice("1.x")}
	resp, err := s.resolve.Resolve(s.ctx(), req)
	if err != nil || resp.GetConsidered() != 3 || resp.GetRejected() != 1 {
		t.Errorf("got %v, %v", resp, err)
	}
	// No policy wants the repository, and yet later answers are of later tags.
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0", "1.2.0")
	s.eventually("1.2.0 is the answer", func() bool {
		resp, err := s.resolve.Resolve(s.ctx(), req)
		return err == nil && resp.GetLatestRef().GetTag() == "1.2.0"
	})
	s.scanner.remove("flux-system/app")
	s.eventually("the repository is gone", func() bool {
		_, err := s.resolve.Resolve(s.ctx(), req)
		return status.Code(err) == codes.NotFound
	})
	if whole, deltas, _ := s.scanner.counts(); whole != 1 || deltas != 1 {
		t.Errorf("%d whole transfers and %d deltas", whole, deltas)
	}
}
