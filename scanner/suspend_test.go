// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func (s *service) suspend(name string) *scannerv1.ImageRepository {
	s.t.Helper()
	resp, err := s.repositories.SuspendImageRepository(s.t.Context(),
		&scannerv1.SuspendImageRepositoryRequest{Name: name, Actor: "alice", Reason: "the registry moves"})
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.GetImageRepository()
}

func (s *service) resume(name string) (*scannerv1.ImageRepository, error) {
	resp, err := s.repositories.ResumeImageRepository(s.t.Context(), &scannerv1.ResumeImageRepositoryRequest{Name: name})
	return resp.GetImageRepository(), err
}

func TestARepositoryRestsByAnOperatorsWordAndIsScannedAtItsEnd(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app", interval(time.Hour)))
	s.settled("app", found(1))
	for round := range int32(3) { // also quickly one after another
		if word := s.suspend("app").GetOverride().GetSuspension(); word.GetActor() != "alice" || word.GetReason() != "the registry moves" {
			t.Errorf("suspended: %v", word)
		}
		if _, err := s.scan("app"); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SUSPENDED {
			t.Errorf("scan: %v", err)
		}
		s.apply(repository("app", r.Host()+"/app", interval(time.Hour))) // takes nothing back
		r.push("app", strings.Repeat("2", int(round)+1))
		before := r.listings.Load()
		resumed, err := s.resume("app")
		if err != nil || resumed.GetOverride() != nil {
			t.Fatalf("resumed: %v, %v", resumed, err)
		}
		s.settled("app", found(2+round))
		if before == r.listings.Load() {
			t.Error("it was not the resumption that scanned")
		}
	}
	if again, err := s.resume("app"); err != nil || again.GetOverride() != nil {
		t.Errorf("resumed again: %v, %v", again, err)
	}
}

func TestResumingARepositoryThatItsSpecSuspendsSaysWhoManagesIt(t *testing.T) {
	s := start(t)
	resting := repository("app", "registry.invalid/app", func(r *scannerv1.ImageRepository) { r.Spec.Suspend = true })
	s.apply(resting)
	s.suspend("app")
	_, err := s.resume("app")
	if rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SUSPENDED || !strings.Contains(err.Error(), "managed by 'api'") {
		t.Errorf("resumed: %v", err)
	}
	if _, err := s.resume("absent"); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND {
		t.Errorf("what is not there: %v", err)
	}
}

func TestAReceiverRestsByAnOperatorsWord(t *testing.T) {
	h := startHooked(t)
	at := h.ready(aReceiver("hook", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, "absent"))
	answers := func(what string, status int) {
		t.Helper()
		h.eventually(what, func() bool { return h.post(at, "{}") == status }, func() any { return h.post(at, "{}") })
	}
	awake := h.post(at, "{}")
	suspended, err := h.receivers.SuspendReceiver(t.Context(), &scannerv1.SuspendReceiverRequest{Name: "hook"})
	if err != nil || suspended.GetReceiver().GetOverride().GetSuspension().GetActor() != "api" {
		t.Fatalf("suspended: %v, %v", suspended, err)
	}
	answers("503 while suspended", http.StatusServiceUnavailable)
	if _, err := h.receivers.ResumeReceiver(t.Context(), &scannerv1.ResumeReceiverRequest{Name: "hook"}); err != nil {
		t.Fatal(err)
	}
	answers("as before once resumed", awake)
}
