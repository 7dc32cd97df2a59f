// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func holdOf(name, tag string, until time.Time) *resolverv1.HoldImagePolicyRequest {
	req := &resolverv1.HoldImagePolicyRequest{Name: name, Reason: "7.8.1 crashes", Actor: "ops"}
	if req.Target = (&resolverv1.HoldImagePolicyRequest_Tag{Tag: tag}); tag == "" {
		req.Target = &resolverv1.HoldImagePolicyRequest_Current{Current: &resolverv1.Current{}}
	}
	if !until.IsZero() {
		req.Until = timestamppb.New(until)
	}
	return req
}

func (s *stage) hold(req *resolverv1.HoldImagePolicyRequest) *resolverv1.ImagePolicy {
	s.t.Helper()
	resp, err := s.policies.HoldImagePolicy(s.ctx(), req)
	if err != nil {
		s.t.Fatalf("hold %s: %v", req.GetName(), err)
	}
	return resp.GetImagePolicy()
}

func (s *stage) release(name string) *resolverv1.ImagePolicy {
	s.t.Helper()
	resp, err := s.policies.ReleaseImagePolicy(s.ctx(), &resolverv1.ReleaseImagePolicyRequest{Name: name})
	if err != nil {
		s.t.Fatalf("release %s: %v", name, err)
	}
	return resp.GetImagePolicy()
}

func TestHoldPinsAnOlderTagUntilItIsReleased(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "7.8.0", "7.8.1")
	s.scanner.setDigest("registry.test/app:7.8.0", digestA)
	s.scanner.setDigest("registry.test/app:7.8.1", digestB)
	s.apply(policyOf("app", "app", semver("7.8.x"), digest(ifNotPresent, 0)))
	s.awaitTag("app", "7.8.1")

	const message = "Latest image tag for registry.test/app resolved to 7.8.0 with digest " + digestA +
		" (previously registry.test/app:7.8.1@" + digestB + ") (held by ops: 7.8.1 crashes)"
	held := s.hold(holdOf("app", "7.8.0", time.Time{}))
	if ref := held.GetStatus().GetLatestRef(); ref.GetTag() != "7.8.0" || ref.GetDigest() != digestA {
		t.Fatalf("the answer is %v", ref)
	}
	if got := conditions.Ready(held.GetStatus()); got.GetStatus() != metav1.ConditionStatus_CONDITION_STATUS_TRUE || got.GetMessage() != message {
		t.Errorf("ready: %v", got)
	}
	if hold := held.GetOverride().GetHold(); hold.GetActor() != "ops" || hold.GetReason() != "7.8.1 crashes" || !hold.GetTime().IsValid() {
		t.Errorf("the hold is %v", hold)
	}

	// Neither new tags, nor a new spec, nor a call, nor a restart change the answer.
	s.scanner.push("flux-system/app", "7.8.0", "7.8.1", "7.8.2")
	s.await("app", "of the later tags", func(p *resolverv1.ImagePolicy) bool {
		return p.GetStatus().GetTagSetRevision() == s.scanner.revisionOf("flux-system/app")
	})
	s.apply(policyOf("app", "app", semver(">=7.8.1"), digest(ifNotPresent, 0)))
	s.awaitMessage("app", "Succeeded", message)
	s.restart()
	if p, err := s.reconcile("app"); err != nil || p.GetStatus().GetLatestRef().GetTag() != "7.8.0" {
		t.Errorf("after a restart: %v, %v", p, err)
	}

	s.scanner.setDigest("registry.test/app:7.8.2", digestB)
	released := s.release("app")
	if ref := released.GetStatus().GetLatestRef(); ref.GetTag() != "7.8.2" || released.GetOverride() != nil {
		t.Errorf("released: %v", released)
	}
	if again := s.release("app"); again.GetStatus().GetLatestRef().GetTag() != "7.8.2" {
		t.Errorf("released twice: %v", again)
	}
}

func TestHoldEndsByItselfAlsoOverARestart(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "2.0.0")
	s.apply(policyOf("short", "app", semver("*")))
	s.apply(policyOf("over", "app", semver("*")))
	s.awaitTag("short", "2.0.0")
	s.awaitTag("over", "2.0.0")
	until := time.Now().Add(1500 * time.Millisecond)
	if p := s.hold(holdOf("over", "1.0.0", until)); !strings.Contains(conditions.Ready(p.GetStatus()).GetMessage(),
		"(held by ops until "+until.UTC().Format(time.RFC3339)+": 7.8.1 crashes)") {
		t.Errorf("ready: %v", p.GetStatus())
	}
	s.hold(holdOf("short", "1.0.0", time.Now().Add(500*time.Millisecond)))
	s.awaitTag("short", "2.0.0")
	s.restart()
	s.awaitTag("over", "2.0.0")
	s.await("over", "without its hold", func(p *resolverv1.ImagePolicy) bool { return p.GetOverride() == nil })
}

func TestHoldOfTheCurrentAnswerStaysWithIt(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	s.apply(policyOf("app", "app", semver("*")))
	s.awaitTag("app", "1.0.0")
	if p := s.hold(holdOf("app", "", time.Time{})); p.GetOverride().GetHold().GetTag() != "1.0.0" {
		t.Errorf("held: %v", p.GetOverride())
	}
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0")
	s.await("app", "of the later tags", func(p *resolverv1.ImagePolicy) bool {
		return p.GetStatus().GetTagSetRevision() == s.scanner.revisionOf("flux-system/app")
	})
	if tag := s.get("app").GetStatus().GetLatestRef().GetTag(); tag != "1.0.0" {
		t.Errorf("the answer is %s", tag)
	}

	// The registry loses the tag: the condition says so, and the answer stays.
	s.scanner.push("flux-system/app", "1.1.0")
	p := s.awaitMessage("app", "Failure", "the registry has no tag '1.0.0' any more (held by ops: 7.8.1 crashes); "+
		"the answer stays: hold another tag, or release the policy")
	if tag := p.GetStatus().GetLatestRef().GetTag(); tag != "1.0.0" {
		t.Errorf("the answer is %s", tag)
	}
	s.release("app")
	s.awaitTag("app", "1.1.0")
}

func TestHoldWithoutTheScannerKeepsWhatIsKnown(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "2.0.0")
	s.apply(policyOf("app", "app", semver("*")))
	s.awaitTag("app", "2.0.0")
	s.line.cut()
	if p := s.hold(holdOf("app", "1.0.0", time.Time{})); p.GetStatus().GetLatestRef().GetTag() != "1.0.0" {
		t.Errorf("held: %v", p)
	}
}

func TestHoldThatCannotBeIsRefused(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	s.apply(policyOf("app", "app", semver("*")))
	s.apply(policyOf("none", "app", semver(">9")))
	s.apply(policyOf("absent", "nowhere", semver("*")))
	s.apply(policyOf("resting", "app", semver("*"), suspend))
	s.awaitTag("app", "1.0.0")
	s.await("none", "evaluated", func(p *resolverv1.ImagePolicy) bool { return p.GetStatus() != nil })
	for name, tt := range map[string]struct {
		req    *resolverv1.HoldImagePolicyRequest
		code   codes.Code
		reason metav1.ErrorReason
		says   string
	}{
		"unknown policy": {holdOf("nobody", "1.0.0", time.Time{}), codes.NotFound, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND, "nobody"},
		"unknown tag":    {holdOf("app", "3.0.0", time.Time{}), codes.InvalidArgument, metav1.ErrorReason_ERROR_REASON_INVALID_FIELD, "has no tag '3.0.0'"},
		"in the past": {
			holdOf("app", "1.0.0", time.Now().Add(-time.Second)), codes.InvalidArgument, metav1.ErrorReason_ERROR_REASON_INVALID_FIELD, "is in the past",
		},
		"no answer to hold": {holdOf("none", "", time.Time{}), codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED, "no answer yet"},
		"no repository": {
			holdOf("absent", "1.0.0", time.Time{}), codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY, "does not exist",
		},
		"suspended":      {holdOf("resting", "1.0.0", time.Time{}), codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_SUSPENDED, "suspended"},
		"no reason":      {&resolverv1.HoldImagePolicyRequest{Name: "app", Target: holdOf("", "1.0.0", time.Time{}).GetTarget()}, codes.InvalidArgument, 0, "reason"},
		"no target":      {&resolverv1.HoldImagePolicyRequest{Name: "app", Reason: "x"}, codes.InvalidArgument, 0, "target"},
		"tag of nothing": {holdOf("app", "-x", time.Time{}), codes.InvalidArgument, 0, "tag"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.policies.HoldImagePolicy(s.ctx(), tt.req)
			if status.Code(err) != tt.code || !strings.Contains(err.Error(), tt.says) || tt.reason != 0 && rpcerr.Reason(err) != tt.reason {
				t.Errorf("got %v, %v", rpcerr.Reason(err), err)
			}
		})
	}
	for _, name := range []string{"app", "none", "absent", "resting"} {
		if p := s.get(name); p.GetOverride() != nil {
			t.Errorf("%s is held: %v", name, p.GetOverride())
		}
	}
	if _, err := s.policies.ReleaseImagePolicy(s.ctx(), &resolverv1.ReleaseImagePolicyRequest{Name: "nobody"}); status.Code(err) != codes.NotFound {
		t.Errorf("release of nobody: %v", err)
	}
}

func TestHoldsAndNewTagsAtOnceEndInTheLastWord(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "2.0.0")
	s.apply(policyOf("app", "app", semver("*")))
	s.awaitTag("app", "2.0.0")
	var working sync.WaitGroup
	working.Go(func() {
		for range 15 {
			s.scanner.push("flux-system/app", "1.0.0", "2.0.0")
			s.scanner.push("flux-system/app", "1.0.0", "2.0.0", "3.0.0")
		}
	})
	for range 10 {
		if p := s.hold(holdOf("app", "1.0.0", time.Time{})); p.GetStatus().GetLatestRef().GetTag() != "1.0.0" {
			t.Fatalf("held: %v", p)
		}
		if p := s.release("app"); p.GetStatus().GetLatestRef().GetTag() == "1.0.0" {
			t.Fatalf("released: %v", p)
		}
	}
	s.hold(holdOf("app", "1.0.0", time.Time{}))
	working.Wait()
	s.await("app", "of the last tags", func(p *resolverv1.ImagePolicy) bool {
		return p.GetStatus().GetTagSetRevision() == s.scanner.revisionOf("flux-system/app")
	})
	if tag := s.get("app").GetStatus().GetLatestRef().GetTag(); tag != "1.0.0" {
		t.Errorf("the answer is %s", tag)
	}
	s.release("app")
	s.awaitTag("app", "3.0.0")
}
