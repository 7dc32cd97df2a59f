// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"strings"
	"testing"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestAGitRepositoryRestsByAnOperatorsWord(t *testing.T) {
	s := start(t)
	s.applySource("gitops", false)
	suspended, err := s.repositories.SuspendGitRepository(t.Context(), &updaterv1.SuspendGitRepositoryRequest{Name: "gitops", Actor: "alice", Reason: "moving"})
	if err != nil {
		t.Fatal(err)
	}
	if word := suspended.GetGitRepository().GetOverride().GetSuspension(); word.GetActor() != "alice" || word.GetReason() != "moving" {
		t.Errorf("suspended: %v", word)
	}
	s.applySource("gitops", true)
	_, err = s.repositories.ResumeGitRepository(t.Context(), &updaterv1.ResumeGitRepositoryRequest{Name: "gitops"})
	if rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SUSPENDED || !strings.Contains(err.Error(), "managed by 'api'") {
		t.Errorf("resumed against its spec: %v", err)
	}
	s.applySource("gitops", false)
	for range 2 {
		resumed, err := s.repositories.ResumeGitRepository(t.Context(), &updaterv1.ResumeGitRepositoryRequest{Name: "gitops"})
		if err != nil || resumed.GetGitRepository().GetOverride() != nil {
			t.Errorf("resumed: %v, %v", resumed, err)
		}
	}
}

func TestAnAutomationRestsByAnOperatorsWord(t *testing.T) {
	s := start(t)
	s.apply("web", false)
	suspended, err := s.automations.SuspendImageUpdateAutomation(t.Context(), &updaterv1.SuspendImageUpdateAutomationRequest{Name: "web"})
	if err != nil || suspended.GetImageUpdateAutomation().GetOverride().GetSuspension().GetActor() != "api" {
		t.Fatalf("suspended: %v, %v", suspended, err)
	}
	for range 2 {
		resumed, err := s.automations.ResumeImageUpdateAutomation(t.Context(), &updaterv1.ResumeImageUpdateAutomationRequest{Name: "web", Actor: "bob"})
		if err != nil || resumed.GetImageUpdateAutomation().GetOverride() != nil {
			t.Errorf("resumed: %v, %v", resumed, err)
		}
	}
	if _, err := s.automations.ResumeImageUpdateAutomation(t.Context(), &updaterv1.ResumeImageUpdateAutomationRequest{Name: "absent"}); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND {
		t.Errorf("what is not there: %v", err)
	}
}

func TestResumingWithForceReleasesWhatWasReverted(t *testing.T) {
	s := start(t)
	s.apply("web", false)
	var last *metav1.RevertRelease
	for _, actor := range []string{"bob", ""} {
		began := time.Now()
		resumed, err := s.automations.ResumeImageUpdateAutomation(t.Context(),
			&updaterv1.ResumeImageUpdateAutomationRequest{Name: "web", Force: true, Actor: actor})
		if err != nil {
			t.Fatal(err)
		}
		release := resumed.GetImageUpdateAutomation().GetOverride().GetRevertRelease()
		if want := actor; (want != "" && release.GetActor() != want) || (want == "" && release.GetActor() != "api") ||
			release.GetTime().AsTime().Before(began) || !release.GetTime().AsTime().After(last.GetTime().AsTime()) {
			t.Errorf("released by %q: %v, after %v", actor, release, last)
		}
		last = release
	}
	resumed, err := s.automations.ResumeImageUpdateAutomation(t.Context(), &updaterv1.ResumeImageUpdateAutomationRequest{Name: "web"})
	if err != nil || !resumed.GetImageUpdateAutomation().GetOverride().GetRevertRelease().GetTime().AsTime().Equal(last.GetTime().AsTime()) {
		t.Errorf("resumed without force: %v, %v", resumed, err)
	}
}
