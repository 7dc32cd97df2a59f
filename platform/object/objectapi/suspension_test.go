// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package objectapi_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestSuspensionsAreAnOperatorsWord(t *testing.T) {
	s := opened(t)
	if _, err := objectapi.Suspend(t.Context(), s, &scannerv1.SuspendImageRepositoryRequest{Name: "a"}); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	req := applyRequest("a")
	if _, _, err := objectapi.Apply(t.Context(), s, req.GetImageRepository(), req); err != nil {
		t.Fatal(err)
	}
	suspend := func(actor, reason string) *metav1.Suspension {
		t.Helper()
		got, err := objectapi.Suspend(t.Context(), s, &scannerv1.SuspendImageRepositoryRequest{Name: "a", Actor: actor, Reason: reason})
		if err != nil {
			t.Fatal(err)
		}
		return got.GetOverride().GetSuspension()
	}
	first := suspend("", "a look")
	if first.GetActor() != "api" || first.GetReason() != "a look" || !first.GetTime().IsValid() || first.GetTime().AsTime().IsZero() {
		t.Errorf("suspended: %v", first)
	}
	if again := suspend("api", "a look"); !proto.Equal(again, first) {
		t.Errorf("the same word again: %v, was %v", again, first)
	}
	if other := suspend("alice", ""); other.GetActor() != "alice" || other.GetReason() != "" || !other.GetTime().AsTime().After(first.GetTime().AsTime()) {
		t.Errorf("another word: %v", other)
	}
	if _, outcome, err := objectapi.Apply(t.Context(), s, req.GetImageRepository(), req); err != nil ||
		outcome != metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED {
		t.Errorf("an Apply undoes it: %v, %v", outcome, err)
	}
	for range 2 {
		got, err := objectapi.Resume(t.Context(), s, &scannerv1.ResumeImageRepositoryRequest{Name: "a"})
		if err != nil || got.GetOverride() != nil {
			t.Errorf("resumed: %v, %v", got.GetOverride(), err)
		}
	}
}

func TestResumingWhatItsSpecSuspendsSaysSo(t *testing.T) {
	s := opened(t)
	req := applyRequest("a")
	req.Manager, req.ImageRepository.Spec.Suspend = "manifests", true
	if _, _, err := objectapi.Apply(t.Context(), s, req.GetImageRepository(), req); err != nil {
		t.Fatal(err)
	}
	if _, err := objectapi.Suspend(t.Context(), s, &scannerv1.SuspendImageRepositoryRequest{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	got, err := objectapi.Resume(t.Context(), s, &scannerv1.ResumeImageRepositoryRequest{Name: "a"})
	if rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SUSPENDED || !strings.Contains(err.Error(), "'manifests'") ||
		!strings.Contains(err.Error(), "ImageRepository 'flux-system/a'") || got.GetOverride() != nil {
		t.Errorf("%v, %v", got.GetOverride(), err)
	}
}

func TestResumingLeavesTheRestOfTheOverride(t *testing.T) {
	s := opened(t)
	req := applyRequest("a")
	if _, _, err := objectapi.Apply(t.Context(), s, req.GetImageRepository(), req); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetOverride(t.Context(), object.KeyOf("", "a"), &metav1.Override{
		Suspension: &metav1.Suspension{Actor: "alice"}, Hold: &metav1.Hold{Tag: "1.0.0"},
	}); err != nil {
		t.Fatal(err)
	}
	release := &metav1.RevertRelease{Actor: "bob", Time: timestamppb.Now()}
	got, err := objectapi.Resume(t.Context(), s, &scannerv1.ResumeImageRepositoryRequest{Name: "a"},
		func(o *metav1.Override) { o.RevertRelease = release })
	if err != nil || got.GetOverride().GetSuspension() != nil || got.GetOverride().GetHold().GetTag() != "1.0.0" ||
		!proto.Equal(got.GetOverride().GetRevertRelease(), release) {
		t.Errorf("%v, %v", got.GetOverride(), err)
	}
}
