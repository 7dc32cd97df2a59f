// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/updater/internal/api"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// record stores a run that pushed.
func (s *service) record(name, id string) {
	s.t.Helper()
	r := &updaterv1.Run{Id: id, Commit: strings.Repeat("a", 40), EndTime: timestamppb.Now(), Outcome: updaterv1.RunOutcome_RUN_OUTCOME_PUSHED}
	if err := s.runs.Begin(s.t.Context(), []state.Record{{Key: object.KeyOf("", name), Run: r}}); err != nil {
		s.t.Fatal(err)
	}
}

// listed returns the ids of all runs, read in pages.
func (s *service) listed(req *updaterv1.ListRunsRequest) []string {
	s.t.Helper()
	var ids []string
	for {
		page, err := s.automations.ListRuns(s.t.Context(), req)
		if err != nil {
			s.t.Fatal(err)
		}
		if size := int(req.GetPageSize()); size > 0 && len(page.GetRuns()) > size {
			s.t.Errorf("a page of %d", len(page.GetRuns()))
		}
		for _, r := range page.GetRuns() {
			ids = append(ids, r.GetId())
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return ids
		}
	}
}

func TestRunsAreListedInPagesTheLastOneFirst(t *testing.T) {
	s := start(t)
	for _, name := range []string{"web", "other"} {
		s.apply(name, false)
	}
	var want []string
	for i := range 7 {
		id := fmt.Sprintf("%04d", i)
		s.record("web", id)
		want = append(want, id)
	}
	s.record("other", "0000")
	slices.Reverse(want)
	for _, size := range []int32{0, 1, 3, 7, 100} {
		if got := s.listed(&updaterv1.ListRunsRequest{Name: "web", PageSize: size}); !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %v", size, got)
		}
	}
	pushed, failed := []updaterv1.RunOutcome{updaterv1.RunOutcome_RUN_OUTCOME_PUSHED}, []updaterv1.RunOutcome{updaterv1.RunOutcome_RUN_OUTCOME_FAILED}
	if got := s.listed(&updaterv1.ListRunsRequest{Name: "web", Outcomes: pushed, PageSize: 2}); !slices.Equal(got, want) {
		t.Errorf("those that pushed: %v", got)
	}
	if got := s.listed(&updaterv1.ListRunsRequest{Name: "web", Outcomes: failed}); len(got) != 0 {
		t.Errorf("those that failed: %v", got)
	}
	if _, err := s.automations.ListRuns(t.Context(), &updaterv1.ListRunsRequest{Name: "absent"}); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND {
		t.Errorf("of what is not there: %v", err)
	}
}

func TestTheRunsOfADeletedAutomationAreGoneAndNoOthers(t *testing.T) {
	s := start(t)
	for _, name := range []string{"web", "web2"} {
		s.apply(name, false)
		s.record(name, "0001")
	}
	if _, err := s.automations.DeleteImageUpdateAutomation(t.Context(), &updaterv1.DeleteImageUpdateAutomationRequest{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	s.apply("web", false)
	if got := s.listed(&updaterv1.ListRunsRequest{Name: "web"}); len(got) != 0 {
		t.Errorf("of the new one: %v", got)
	}
	if open, err := s.runs.WithUnfinished(t.Context()); err != nil || open[object.KeyOf("", "web")] {
		t.Errorf("left open: %v, %v", open, err)
	}
	if got := s.listed(&updaterv1.ListRunsRequest{Name: "web2"}); len(got) != 1 {
		t.Errorf("of the other: %v", got)
	}
}

// parts are the dispatcher and the runner as a preview sees them.
type parts struct {
	unknown error
	preview run.Preview
	failure *run.Error
	// before is called in the preview.
	before func(context.Context)
}

func (p *parts) RunNow(context.Context, object.Key, func(*updaterv1.RunStep) error) (run.Outcome, error) {
	return run.Outcome{Failure: p.failure}, nil
}

func (p *parts) Known(context.Context) error { return p.unknown }

func (p *parts) Preview(ctx context.Context, _ object.Key) (run.Preview, *run.Error) {
	if p.before != nil {
		p.before(ctx)
	}
	return p.preview, p.failure
}

func previewed(t *testing.T, p *parts) *service {
	t.Helper()
	s := start(t, func(a *api.Automations) { a.Dispatcher, a.Previewer = p, p })
	s.apply("web", true) // also what is suspended
	return s
}

func TestAPreviewIsAnsweredFromTheRunner(t *testing.T) {
	s := previewed(t, &parts{preview: run.Preview{Run: &updaterv1.Run{Branch: "main"}, Diff: "--- a/x\n"}})
	got, err := s.automations.PreviewImageUpdateAutomation(t.Context(), &updaterv1.PreviewImageUpdateAutomationRequest{Name: "web"})
	if err != nil || got.GetRun().GetBranch() != "main" || got.GetDiff() != "--- a/x\n" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := s.automations.PreviewImageUpdateAutomation(t.Context(), &updaterv1.PreviewImageUpdateAutomationRequest{Name: "absent"}); status.Code(err) != codes.NotFound {
		t.Errorf("of what is not there: %v", err)
	}
}

func TestWhyThereIsNoPreviewHasACode(t *testing.T) {
	unknown := rpcerr.New(codes.Unavailable, metav1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE, "the resolver has not told its policies yet")
	for name, test := range map[string]struct {
		parts  parts
		code   codes.Code
		reason metav1.ErrorReason
	}{
		"the resolver never answered": {parts{unknown: unknown}, codes.Unavailable, metav1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE},
		"a field is wrong": {parts{failure: &run.Error{Kind: run.Invalid, Sentence: "s"}},
			codes.InvalidArgument, metav1.ErrorReason_ERROR_REASON_INVALID_FIELD},
		"the source is missing": {parts{failure: &run.Error{Kind: run.NotReady, Sentence: "s"}},
			codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY},
		"the diff is too large": {parts{failure: &run.Error{Kind: run.TooLarge, Sentence: "s"}},
			codes.ResourceExhausted, metav1.ErrorReason_ERROR_REASON_TOO_LARGE},
		"the remote failed": {parts{failure: &run.Error{Kind: run.Failed, Sentence: "s"}},
			codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_GIT_FAILED},
	} {
		t.Run(name, func(t *testing.T) {
			s := previewed(t, &test.parts)
			_, err := s.automations.PreviewImageUpdateAutomation(t.Context(), &updaterv1.PreviewImageUpdateAutomationRequest{Name: "web"})
			if status.Code(err) != test.code || rpcerr.Reason(err) != test.reason {
				t.Errorf("%v, %v", rpcerr.Reason(err), err)
			}
		})
	}
}

func TestWhyARunFailedHasACode(t *testing.T) {
	for name, test := range map[string]struct {
		failure run.Error
		code    codes.Code
		reason  metav1.ErrorReason
	}{
		"it is suspended":         {run.Error{Kind: run.Suspended}, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_SUSPENDED},
		"it is deleted":           {run.Error{Kind: run.Gone}, codes.NotFound, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND},
		"its source is another's": {run.Error{Kind: run.Denied}, codes.PermissionDenied, metav1.ErrorReason_ERROR_REASON_ACCESS_DENIED},
		"the updater stops":       {run.Error{Kind: run.CutOff}, codes.Unavailable, metav1.ErrorReason_ERROR_REASON_SHUTTING_DOWN},
		"a field is wrong":        {run.Error{Kind: run.Invalid}, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_INVALID_FIELD},
		"a defect":                {run.Error{Reason: run.ReasonDefect}, codes.Internal, metav1.ErrorReason_ERROR_REASON_INTERNAL},
		"values were not compared": {run.Error{Reason: "DependencyNotReady"},
			codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY},
	} {
		t.Run(name, func(t *testing.T) {
			test.failure.Sentence = "s"
			s := previewed(t, &parts{failure: &test.failure})
			stream, err := s.automations.RunImageUpdateAutomation(t.Context(), &updaterv1.RunImageUpdateAutomationRequest{Name: "web"})
			if err == nil {
				_, err = stream.Recv()
			}
			if status.Code(err) != test.code || rpcerr.Reason(err) != test.reason {
				t.Errorf("%v, %v", rpcerr.Reason(err), err)
			}
		})
	}
}

func TestAPreviewWhoseCallerWentIsNoFailureOfOurs(t *testing.T) {
	gone := make(chan error, 1)
	var s *service
	ctx, cancel := context.WithCancel(t.Context())
	s = previewed(t, &parts{failure: &run.Error{Kind: run.CutOff}, before: func(ctx context.Context) {
		cancel()
		<-ctx.Done()
		gone <- ctx.Err()
	}})
	if _, err := s.automations.PreviewImageUpdateAutomation(ctx, &updaterv1.PreviewImageUpdateAutomationRequest{Name: "web"}); status.Code(err) != codes.Canceled {
		t.Errorf("%v", err)
	}
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
