// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

const (
	newer       = resolverv1.Comparison_COMPARISON_NEWER
	older       = resolverv1.Comparison_COMPARISON_OLDER
	equal       = resolverv1.Comparison_COMPARISON_EQUAL
	notEligible = resolverv1.Comparison_COMPARISON_CURRENT_NOT_ELIGIBLE
)

func TestCompareTagsByAnInlinePolicy(t *testing.T) {
	s := resolveStage(t)
	patch := &resolverv1.ResolveRequest{Source: tagList(), Policy: semverChoice("7.8.x")}
	builds := &resolverv1.ResolveRequest{
		Source: tagList(), Policy: numericalChoice(0), FilterTags: &resolverv1.TagFilter{Pattern: `^b(\d+)-`, Extract: "$1"},
	}
	for _, c := range []struct {
		req               *resolverv1.ResolveRequest
		current, proposed string
		want              resolverv1.Comparison
		reason            string
	}{
		{patch, "7.8.0", "7.8.1", newer, "7.8.1 is newer than 7.8.0"},
		{patch, "7.8.1", "7.8.0", older, "7.8.0 is older than 7.8.1"},
		{patch, "7.8.1", "v7.8.1", equal, "v7.8.1 is equal to 7.8.1"},
		{patch, "7.8.1", "7.8.1", equal, "7.8.1 is equal to 7.8.1"},
		{patch, "latest", "7.8.1", notEligible, "the policy cannot place the current tag: latest is no version or number that it could order"},
		{patch, "7.8.1", "latest", older, "the policy would never select the proposed tag: latest is no version or number that it could order"},
		{patch, "7.8.1", "7.9.0", older, "the policy would never select the proposed tag: 7.9.0 is not in range 7.8.x"},
		{patch, "8.0.0", "7.8.1", newer, "the policy would move to 7.8.1: 8.0.0 is not in range 7.8.x"},
		{builds, "b9-x", "b10-x", newer, "b10-x is newer than b9-x"},
		{builds, "b10-a", "b10-b", equal, "b10-b is equal to b10-a"},
		{builds, "x", "b10-b", notEligible, "the policy cannot place the current tag: the filter's pattern does not match x"},
		{&resolverv1.ResolveRequest{Source: tagList()}, "1.9.0", "1.10.0", newer, "1.10.0 is newer than 1.9.0"},
		{&resolverv1.ResolveRequest{Source: tagList(), Policy: alphabeticalChoice(2)}, "b", "a", newer, "a is newer than b"},
		// A repository that need not be there: versions need no times.
		{&resolverv1.ResolveRequest{Source: repository("none"), Policy: semverChoice("*")}, "1.0.0", "2.0.0", newer, "2.0.0 is newer than 1.0.0"},
	} {
		resp, err := s.resolve.CompareTags(s.ctx(), &resolverv1.CompareTagsRequest{
			Subject: &resolverv1.CompareTagsRequest_Request{Request: c.req}, Current: c.current, Proposed: c.proposed,
		})
		if err != nil || resp.GetComparison() != c.want || resp.GetReason() != c.reason {
			t.Errorf("%s to %s: %v, %v", c.current, c.proposed, resp, err)
		}
	}
}

func TestCompareTagsByAStoredPolicy(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "old-b", "old-a")
	s.scanner.push("flux-system/app", "old-b", "old-a", "new")
	s.apply(policyOf("latest", "app", func(p *resolverv1.ImagePolicy) {
		p.Spec.Policy = &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Latest{
			Latest: &resolverv1.LatestPolicy{By: resolverv1.LatestBy_LATEST_BY_FIRST_SEEN},
		}}
	}))
	compare := func(name, current, proposed string) (*resolverv1.CompareTagsResponse, error) {
		return s.resolve.CompareTags(s.ctx(), &resolverv1.CompareTagsRequest{
			Subject: &resolverv1.CompareTagsRequest_ImagePolicyRef{ImagePolicyRef: &metav1.NamespacedObjectReference{Name: name}},
			Current: current, Proposed: proposed,
		})
	}
	if resp, err := compare("latest", "old-b", "new"); err != nil || resp.GetComparison() != newer {
		t.Errorf("a tag that appeared later: %v, %v", resp, err)
	}
	if resp, err := compare("latest", "new", "old-a"); err != nil || resp.GetComparison() != older {
		t.Errorf("a tag that was there before: %v, %v", resp, err)
	}
	if resp, err := compare("latest", "gone", "gone"); err != nil || resp.GetComparison() != equal {
		t.Errorf("a tag against itself: %v, %v", resp, err)
	}
	_, err := compare("latest", "gone", "new")
	if rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY {
		t.Errorf("a tag whose time nobody knows: %v", err)
	}
	if _, err := compare("none", "a", "b"); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND {
		t.Errorf("no such policy: %v", err)
	}
}

// The law: of two tags that differ in order, CompareTags prefers the one that Resolve selects.
func TestCompareTagsAgreesWithResolve(t *testing.T) {
	s := newStage(t)
	random := rand.New(rand.NewPCG(3, 4))
	tags := []string{"1.0.0", "v1.0.0", "1.1.0", "1.1.0-rc.1", "2.0.0", "10", "9", "x", "latest", "1.0.0+b", "0.9.0"}
	choices := []*resolverv1.ImagePolicyChoice{
		nil, semverChoice("1.x"), semverChoice(">=1.0.0-0"), numericalChoice(1), numericalChoice(2), alphabeticalChoice(1), alphabeticalChoice(2),
	}
	filters := []*resolverv1.TagFilter{nil, {Pattern: `^v?(\d.*)$`, Extract: "$1"}}
	for range 400 {
		current, proposed := tags[random.IntN(len(tags))], tags[random.IntN(len(tags))]
		req := &resolverv1.ResolveRequest{
			Source: tagList(current, proposed), Policy: choices[random.IntN(len(choices))], FilterTags: filters[random.IntN(len(filters))],
		}
		compared, err := s.resolve.CompareTags(s.ctx(), &resolverv1.CompareTagsRequest{
			Subject: &resolverv1.CompareTagsRequest_Request{Request: req}, Current: current, Proposed: proposed,
		})
		if err != nil {
			t.Fatal(err)
		}
		resolved, err := s.resolve.Resolve(s.ctx(), req)
		answer := resolved.GetLatestRef().GetTag()
		if err != nil && rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED {
			t.Fatal(err)
		}
		agrees := true
		switch compared.GetComparison() {
		case newer:
			agrees = answer == proposed
		case older:
			agrees = answer != proposed
		case equal:
			agrees = answer == max(current, proposed) || answer == ""
		case notEligible: // Resolve knows no current tag
		case resolverv1.Comparison_COMPARISON_UNSPECIFIED:
			agrees = false
		}
		if !agrees {
			t.Fatalf("%v: of %s and %s %q is resolved, but compared they are %v", req, current, proposed, answer, compared)
		}
	}
}

func together(members ...int32) *resolverv1.Lockstep { return &resolverv1.Lockstep{Requests: members} }

func (s *stage) batch(requests []*resolverv1.ResolveRequest, groups ...*resolverv1.Lockstep) []string {
	s.t.Helper()
	resp, err := s.resolve.BatchResolve(s.ctx(), &resolverv1.BatchResolveRequest{Requests: requests, Lockstep: groups})
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, r := range resp.GetResults() {
		if failed := r.GetError(); failed != nil {
			got = append(got, fmt.Sprintf("%s: %s", codes.Code(failed.GetCode()), failed.GetMessage()))
		} else {
			got = append(got, r.GetResponse().GetLatestRef().GetTag())
		}
	}
	return got
}

func TestLockstepMovesAllOrNone(t *testing.T) {
	s := newStage(t)
	request := func(r string, tags ...string) *resolverv1.ResolveRequest {
		return &resolverv1.ResolveRequest{Source: tagList(tags...), Policy: semverChoice(r)}
	}
	server, client := request("1.x", "1.0.0", "1.1.0", "1.2.0"), request("*", "v1.0.0", "v1.1.0", "v3.0.0")
	alone := request("*", "9.0.0")
	for name, c := range map[string]struct {
		requests []*resolverv1.ResolveRequest
		groups   []*resolverv1.Lockstep
		want     []string
	}{
		"the newest that all have": {
			[]*resolverv1.ResolveRequest{alone, server, client},
			[]*resolverv1.Lockstep{together(1, 2)}, []string{"9.0.0", "1.1.0", "v1.1.0"},
		},
		"extracts are versions too": {
			[]*resolverv1.ResolveRequest{server, {
				Source: tagList("app-1.0.0", "app-1.1.0-x"), Policy: semverChoice("*"),
				FilterTags: &resolverv1.TagFilter{Pattern: `^app-([\d.]+)`, Extract: "$1"},
			}},
			[]*resolverv1.Lockstep{together(0, 1)}, []string{"1.1.0", "app-1.1.0-x"},
		},
		"nothing in common": {
			[]*resolverv1.ResolveRequest{server, alone, client},
			[]*resolverv1.Lockstep{together(0, 1)}, []string{
				"FailedPrecondition: lockstep[0]: no version is there for all of the group, so none moves; the newest of requests[0] is 1.2.0: " +
					"it is missing in requests[1], whose newest is 9.0.0",
				"FailedPrecondition: lockstep[0]: no version is there for all of the group, so none moves; the newest of requests[0] is 1.2.0: " +
					"it is missing in requests[1], whose newest is 9.0.0",
				"v3.0.0",
			},
		},
		"one that has no answer keeps its own error": {
			[]*resolverv1.ResolveRequest{server, {Source: repository("none"), Policy: semverChoice("*")}},
			[]*resolverv1.Lockstep{together(0, 1)}, []string{
				"FailedPrecondition: lockstep[0]: not all of the group can move, so none does: requests[1]: ",
				"NotFound: ",
			},
		},
		"two groups": {
			[]*resolverv1.ResolveRequest{server, client, request("*", "1.0.0", "2.0.0"), request("*", "1.0.0", "3.0.0")},
			[]*resolverv1.Lockstep{together(1, 0), together(3, 2)}, []string{"1.1.0", "v1.1.0", "1.0.0", "1.0.0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.batch(c.requests, c.groups...)
			for i, want := range c.want {
				if !strings.HasPrefix(got[i], want) || !strings.Contains(want, ":") && got[i] != want {
					t.Errorf("requests[%d]: %s\nwant %s", i, got[i], want)
				}
			}
		})
	}
}

func TestLockstepByLabel(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/server", "1.0.0", "1.1.0", "1.2.0")
	s.scanner.push("flux-system/client", "4", "5", "6")
	s.scanner.update(func() {
		s.scanner.labels = map[string]map[string]string{}
		for image, revision := range map[string]string{
			"server:1.0.0": "aaa", "server:1.1.0": "bbb", "server:1.2.0": "ccc", "client:4": "aaa", "client:5": "bbb", "client:6": "",
		} {
			s.scanner.digests["registry.test/"+image] = "sha256:" + image
			if revision != "" {
				s.scanner.labels["registry.test/"+image] = map[string]string{"revision": revision}
			}
		}
	})
	requests := []*resolverv1.ResolveRequest{
		{Source: repository("server"), Policy: semverChoice("*")}, {Source: repository("client"), Policy: numericalChoice(0)},
	}
	group := together(0, 1)
	group.Label = "revision"
	if got := s.batch(requests, group); got[0] != "1.1.0" || got[1] != "5" {
		t.Errorf("got %v", got)
	}
	group.Label = "none"
	if got := s.batch(requests, group); !strings.Contains(got[0], "no value of the label 'none'") || got[0] != got[1] {
		t.Errorf("got %v", got)
	}
	requests[1] = &resolverv1.ResolveRequest{Source: tagList("1.0.0")}
	if got := s.batch(requests, group); !strings.Contains(got[1], "lockstep[0].label") {
		t.Errorf("got %v", got)
	}
}

func TestLockstepRefusesWhatCannotBe(t *testing.T) {
	s := newStage(t)
	one := &resolverv1.ResolveRequest{Source: tagList("1.0.0")}
	requests := []*resolverv1.ResolveRequest{one, one, one}
	for name, c := range map[string]struct {
		groups []*resolverv1.Lockstep
		field  string
	}{
		"out of range":  {[]*resolverv1.Lockstep{together(0, 3)}, "lockstep[0].requests[1]"},
		"in two groups": {[]*resolverv1.Lockstep{together(0, 1), together(2, 1)}, "lockstep[1].requests[1]"},
		"alone":         {[]*resolverv1.Lockstep{together(0)}, "lockstep[0].requests"},
		"twice":         {[]*resolverv1.Lockstep{together(0, 0)}, "lockstep[0].requests"},
	} {
		_, err := s.resolve.BatchResolve(s.ctx(), &resolverv1.BatchResolveRequest{Requests: requests, Lockstep: c.groups})
		if v := rpcerr.FieldViolations(err); len(v) == 0 || v[0].Path != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResolveReadsTheDigestWhereItIsAskedFor(t *testing.T) {
	s := resolveStage(t)
	s.scanner.setDigest("registry.test/app:1.1.0", "sha256:beef")
	always := resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_ALWAYS
	req := &resolverv1.ResolveRequest{Source: repository("app"), Policy: semverChoice("1.x"), DigestReflectionPolicy: always}
	resp, err := s.resolve.Resolve(s.ctx(), req)
	if err != nil || resp.GetLatestRef().GetDigest() != "sha256:beef" {
		t.Errorf("got %v, %v", resp, err)
	}
	s.scanner.setDigest("registry.test/app:1.1.0", "")
	if _, err := s.resolve.Resolve(s.ctx(), req); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED {
		t.Errorf("a registry that is asleep: %v", err)
	}
	req.Source = tagList("1.0.0")
	_, err = s.resolve.Resolve(s.ctx(), req)
	if v := rpcerr.FieldViolations(err); len(v) != 1 || v[0].Path != "digestReflectionPolicy" {
		t.Errorf("tags that come with the request: %v", err)
	}
}
