// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package spec_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
)

func pathsOf(violations []rpcerr.FieldViolation) []string {
	var paths []string
	for _, v := range violations {
		paths = append(paths, v.Path)
	}
	return paths
}

func TestTagsThatComeWithARequestHaveNothingToAskAbout(t *testing.T) {
	full := func() *resolverv1.ResolveRequest {
		return &resolverv1.ResolveRequest{
			MinimumAge: &resolverv1.MinimumAge{Duration: durationpb.New(time.Hour)},
			Platforms:  []string{"linux/arm64"}, Labels: map[string]string{"a": "b"},
			DigestReflectionPolicy: resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_IF_NOT_PRESENT,
		}
	}
	list := full()
	list.Source = &resolverv1.ResolveRequest_TagList{TagList: &resolverv1.TagList{}}
	want := []string{"minimumAge", "platforms", "labels", "digestReflectionPolicy"}
	if got := pathsOf(spec.CheckRequest(list)); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	stored := full()
	stored.Source = &resolverv1.ResolveRequest_ImageRepositoryRef{ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: "app"}}
	if got := spec.CheckRequest(stored); got != nil {
		t.Errorf("got %v", got)
	}
	plain := &resolverv1.ResolveRequest{
		Source:                 &resolverv1.ResolveRequest_TagList{TagList: &resolverv1.TagList{}},
		DigestReflectionPolicy: resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_NEVER,
	}
	if got := spec.CheckRequest(plain); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestRequirementsAreThoseOfTheSpec(t *testing.T) {
	got := spec.Requirements(&resolverv1.ImagePolicySpec{
		MinimumAge: &resolverv1.MinimumAge{Duration: durationpb.New(time.Hour), IncludeFirstScan: true}, Platforms: []string{"linux/arm64"},
	})
	if got.MinimumAge != time.Hour || !got.IncludeFirstScan || len(got.Platforms) != 1 || !got.Any() {
		t.Errorf("got %+v", got)
	}
	if none := spec.Requirements(&resolverv1.ImagePolicySpec{}); none.Any() || none.MinimumAge != 0 {
		t.Errorf("got %+v", none)
	}
}

func TestNothingChosenIsTheLatestPush(t *testing.T) {
	latest := func(by resolverv1.LatestBy) *resolverv1.ImagePolicyChoice {
		return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Latest{Latest: &resolverv1.LatestPolicy{By: by}}}
	}
	for name, tt := range map[string]struct {
		choice *resolverv1.ImagePolicyChoice
		want   policy.Recency
	}{
		"absent":      {nil, policy.ByPushed},
		"empty":       {&resolverv1.ImagePolicyChoice{}, policy.ByPushed},
		"unspecified": {latest(resolverv1.LatestBy_LATEST_BY_UNSPECIFIED), policy.ByPushed},
		"first seen":  {latest(resolverv1.LatestBy_LATEST_BY_FIRST_SEEN), policy.ByFirstSeen},
		"created":     {latest(resolverv1.LatestBy_LATEST_BY_CREATED), policy.ByCreated},
	} {
		p, err := spec.Compile(tt.choice, nil)
		if err != nil || !spec.Latest(tt.choice) {
			t.Fatalf("%s: %v", name, err)
		}
		if got, recent := p.Recent(); !recent || got != tt.want {
			t.Errorf("%s: %v, %v", name, got, recent)
		}
	}
	semver := &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{Semver: &resolverv1.SemVerPolicy{Range: "*"}}}
	if p, err := spec.Compile(semver, nil); err != nil || spec.Latest(semver) {
		t.Errorf("semver: %v, %v", p, err)
	}
}
