// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func minimumAge(d time.Duration) option {
	return func(p *resolverv1.ImagePolicy) {
		p.Spec.MinimumAge = &resolverv1.MinimumAge{Duration: durationpb.New(d)}
	}
}

func platforms(names ...string) option {
	return func(p *resolverv1.ImagePolicy) { p.Spec.Platforms = names }
}

func latest(by resolverv1.LatestBy) option {
	return func(p *resolverv1.ImagePolicy) {
		p.Spec.Policy = &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Latest{Latest: &resolverv1.LatestPolicy{By: by}}}
	}
}

func TestPolicyWakesWhenATagComesOfAgeAlsoOverARestart(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	pushed := time.Now()
	const age = 3 * time.Second
	s.scanner.tell("registry.test/app:1.0.0", &scannerv1.Tag{})
	s.scanner.tell("registry.test/app:2.0.0", &scannerv1.Tag{PushedTime: timestamppb.New(pushed)})
	s.scanner.push("flux-system/app", "1.0.0", "2.0.0")
	s.apply(policyOf("app", "app", semver("*"), minimumAge(age)))
	s.apply(policyOf("only", "app", semver(">=2"), minimumAge(age)))
	p := s.awaitTag("app", "1.0.0").GetStatus()
	if p.GetAgeClock() != resolverv1.AgeClock_AGE_CLOCK_FIRST_SCAN || !p.GetNextEvaluationTime().AsTime().Equal(pushed.Add(age)) {
		t.Errorf("waiting: %v", p)
	}
	s.awaitMessage("only", "Failure", "unable to determine latest version from provided list: of 1 candidates that were looked at, "+
		"1 too young; the next comes of age at "+pushed.Add(age).UTC().Format(time.RFC3339))
	s.restart()
	p = s.awaitTag("app", "2.0.0").GetStatus()
	if p.GetAgeClock() != resolverv1.AgeClock_AGE_CLOCK_PUSHED || p.GetNextEvaluationTime() != nil {
		t.Errorf("aged: %v", p)
	}
	s.awaitTag("only", "2.0.0")
	if now := time.Now(); now.Before(pushed.Add(age)) {
		t.Errorf("it was selected %v too early", pushed.Add(age).Sub(now))
	}
}

func TestRepushIsNoticedAndStartsTheClockAgain(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "2.0.0")
	s.scanner.setDigest("registry.test/app:1.0.0", digestA)
	s.scanner.setDigest("registry.test/app:2.0.0", digestA)
	s.apply(policyOf("app", "app", semver("*"), minimumAge(time.Hour), digest(ifNotPresent, 0)))
	if ref := s.awaitTag("app", "2.0.0").GetStatus().GetLatestRef(); ref.GetDigest() != digestA {
		t.Errorf("the answer is %v", ref)
	}
	s.restart()
	s.scanner.setDigest("registry.test/app:2.0.0", digestB)
	s.scanner.move("flux-system/app", "2.0.0", "")
	p := s.awaitTag("app", "1.0.0").GetStatus()
	if next := p.GetNextEvaluationTime().AsTime(); time.Until(next) < 50*time.Minute || time.Until(next) > time.Hour {
		t.Errorf("next: %v", next)
	}
}

func TestRegistryThatDoesNotTellIsACondition(t *testing.T) {
	s := newStage(t)
	s.scanner.tell("registry.test/app:1.0.0", &scannerv1.Tag{Platforms: []string{"linux/amd64", "linux/arm64/v8"}})
	s.scanner.tell("registry.test/app:2.0.0", &scannerv1.Tag{Platforms: []string{"linux/amd64"}})
	s.scanner.push("flux-system/app", "1.0.0")
	s.apply(policyOf("app", "app", semver("*"), platforms("linux/arm64")))
	s.awaitTag("app", "1.0.0")
	s.scanner.update(func() { s.scanner.asleep = true })
	s.scanner.push("flux-system/app", "1.0.0", "2.0.0")
	p := s.awaitMessage("app", "ReadOperationFailed", "failed to read the metadata of tag 2.0.0: the registry is asleep")
	if tag := p.GetStatus().GetLatestRef().GetTag(); tag != "1.0.0" {
		t.Errorf("the answer is %s", tag)
	}
	if _, err := s.reconcile("app"); status.Code(err) != codes.Unavailable {
		t.Errorf("reconcile: %v", err)
	}
	s.scanner.update(func() { s.scanner.asleep = false })
	if p, err := s.reconcile("app"); err != nil || p.GetStatus().GetLatestRef().GetTag() != "1.0.0" || !conditions.IsTrue(p.GetStatus().GetConditions(), conditions.TypeReady) {
		t.Errorf("reconcile: %v, %v", p, err)
	}
	s.scanner.tell("registry.test/app:2.0.0", &scannerv1.Tag{Platforms: []string{"linux/arm64"}})
	if p, err := s.reconcile("app"); err != nil || p.GetStatus().GetLatestRef().GetTag() != "2.0.0" {
		t.Errorf("reconcile: %v, %v", p, err)
	}
}

func TestLatestIsByPushUnlessToldOtherwise(t *testing.T) {
	s := newStage(t)
	now := time.Now()
	s.scanner.tell("registry.test/app:a", &scannerv1.Tag{PushedTime: timestamppb.New(now), CreatedTime: timestamppb.New(now.Add(-2 * time.Hour))})
	s.scanner.tell("registry.test/app:b", &scannerv1.Tag{CreatedTime: timestamppb.New(now.Add(-time.Hour))})
	s.scanner.tell("registry.test/app:c", &scannerv1.Tag{})
	s.scanner.push("flux-system/app", "a", "b")
	s.scanner.push("flux-system/app", "a", "b", "c")
	s.apply(policyOf("default", "app"))
	s.apply(policyOf("seen", "app", latest(resolverv1.LatestBy_LATEST_BY_FIRST_SEEN)))
	s.apply(policyOf("created", "app", latest(resolverv1.LatestBy_LATEST_BY_CREATED)))
	s.awaitTag("default", "a")
	s.awaitTag("seen", "c")
	s.awaitTag("created", "b")
}

func TestContradictionsAreRefusedBeforeAnythingIsStored(t *testing.T) {
	s := newStage(t)
	for name, tt := range map[string]struct {
		change option
		path   string
	}{
		"no duration":             {func(p *resolverv1.ImagePolicy) { p.Spec.MinimumAge = &resolverv1.MinimumAge{} }, "spec.minimumAge.duration"},
		"no age":                  {minimumAge(0), "spec.minimumAge.duration"},
		"more than a year":        {minimumAge(9000 * time.Hour), "spec.minimumAge.duration"},
		"no platform":             {platforms("arm64"), "spec.platforms[0]"},
		"a platform twice":        {platforms("linux/arm64", "linux/arm64"), "spec.platforms"},
		"a label of spaces":       {func(p *resolverv1.ImagePolicy) { p.Spec.Labels = map[string]string{" a": "b"} }, "spec.labels"},
		"unknown time":            {latest(99), "spec.policy.latest.by"},
		"interval without Always": {digest(ifNotPresent, time.Minute), "spec.interval"},
		"Always without interval": {digest(resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_ALWAYS, 0), "spec.interval"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.policies.ApplyImagePolicy(s.ctx(), &resolverv1.ApplyImagePolicyRequest{ImagePolicy: policyOf("app", "app", tt.change)})
			violations := rpcerr.FieldViolations(err)
			if status.Code(err) != codes.InvalidArgument || len(violations) != 1 || !strings.HasSuffix(violations[0].Path, tt.path) {
				t.Errorf("got %v, %v", violations, err)
			}
			if _, err := s.policies.GetImagePolicy(s.ctx(), &resolverv1.GetImagePolicyRequest{Name: "app"}); status.Code(err) != codes.NotFound {
				t.Errorf("it is stored: %v", err)
			}
		})
	}
}
