// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"strings"
	"testing"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func (s *stage) resume(name string) (*resolverv1.ImagePolicy, error) {
	resp, err := s.policies.ResumeImagePolicy(s.ctx(), &resolverv1.ResumeImagePolicyRequest{Name: name})
	return resp.GetImagePolicy(), err
}

func TestAPolicyRestsByAnOperatorsWordAndIsEvaluatedAtItsEnd(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	s.apply(policyOf("app", "app", semver("*")))
	s.apply(policyOf("awake", "app", semver("*")))
	s.awaitTag("app", "1.0.0")
	s.hold(holdOf("app", "1.0.0", time.Time{}))
	suspended, err := s.policies.SuspendImagePolicy(s.ctx(), &resolverv1.SuspendImagePolicyRequest{Name: "app", Actor: "ops", Reason: "a look"})
	if err != nil {
		t.Fatal(err)
	}
	word := suspended.GetImagePolicy().GetOverride()
	if word.GetSuspension().GetActor() != "ops" || word.GetSuspension().GetReason() != "a look" || word.GetHold().GetTag() != "1.0.0" {
		t.Errorf("suspended: %v", word)
	}
	s.release("app")
	if _, err := s.reconcile("app"); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SUSPENDED {
		t.Errorf("reconcile: %v", err)
	}
	s.apply(policyOf("app", "app", semver(">=0.9"))) // takes nothing back
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0")
	s.awaitTag("awake", "1.1.0")
	if got := s.get("app").GetStatus().GetLatestRef().GetTag(); got != "1.0.0" {
		t.Errorf("it was evaluated: %s", got)
	}
	for range 2 {
		if resumed, err := s.resume("app"); err != nil || resumed.GetOverride() != nil {
			t.Errorf("resumed: %v, %v", resumed.GetOverride(), err)
		}
	}
	s.awaitTag("app", "1.1.0")
}

func TestResumingAPolicyThatItsSpecSuspendsSaysWhoManagesIt(t *testing.T) {
	s := newStage(t)
	s.apply(policyOf("app", "app", semver("*"), suspend))
	_, err := s.resume("app")
	if rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SUSPENDED || !strings.Contains(err.Error(), "managed by 'api'") {
		t.Errorf("resumed: %v", err)
	}
	if _, err := s.policies.SuspendImagePolicy(s.ctx(), &resolverv1.SuspendImagePolicyRequest{Name: "absent"}); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND {
		t.Errorf("what is not there: %v", err)
	}
}
