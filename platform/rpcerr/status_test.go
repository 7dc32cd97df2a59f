// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package rpcerr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestToStatusSaysWhatTheCallerMayKnow(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		code    codes.Code
		reason  string
		message string
	}{
		"a sentinel keeps its context": {
			fmt.Errorf("ImagePolicy ns/a: %w", rpcerr.ErrNotFound), codes.NotFound, "OBJECT_NOT_FOUND", "ImagePolicy ns/a: not found",
		},
		"a stale write":         {rpcerr.ErrStale, codes.Aborted, "STALE_RESOURCE_VERSION", "resource version is stale"},
		"an expired token":      {rpcerr.ErrTokenExpired, codes.OutOfRange, "RESUME_TOKEN_EXPIRED", "resume token is expired"},
		"a foreign token":       {rpcerr.ErrTokenForeign, codes.InvalidArgument, "RESUME_TOKEN_FOREIGN", "resume token is of another store or filter"},
		"a slow consumer":       {rpcerr.ErrSlowConsumer, codes.ResourceExhausted, "SLOW_CONSUMER", "watcher is too slow"},
		"a stopping service":    {rpcerr.ErrShuttingDown, codes.Unavailable, "SHUTTING_DOWN", "service is shutting down"},
		"a store without words": {fmt.Errorf("%w: etcdserver: no leader", rpcerr.ErrStoreUnavailable), codes.Unavailable, "STORE_UNAVAILABLE", "the service's store did not answer; try again"},
		"an unclassified error is hidden": {
			errors.New("pq: password of admin is x"), codes.Internal, "INTERNAL", "internal error",
		},
		"a wrapped driver's status is hidden": {
			fmt.Errorf("get: %w", status.Error(codes.NotFound, "etcd internals")), codes.Internal, "INTERNAL", "internal error",
		},
		"a bare status gets its details": {
			status.Error(codes.NotFound, "unknown service"), codes.NotFound, "OBJECT_NOT_FOUND", "unknown service",
		},
		"a cancelled call":  {fmt.Errorf("read: %w", context.Canceled), codes.Canceled, "CANCELED", "the call was canceled"},
		"a passed deadline": {context.DeadlineExceeded, codes.DeadlineExceeded, "DEADLINE_EXCEEDED", "the call's deadline passed before it was done"},
		"an error of its own keeps what wraps it": {
			fmt.Errorf("requests[2]: %w", rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED, "no tag in %s", "1.x")),
			codes.FailedPrecondition, "NO_TAG_SELECTED", "requests[2]: no tag in 1.x",
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := rpcerr.ToStatus(c.err)
			got := []string{st.Code().String(), info(t, st).GetDomain(), info(t, st).GetReason(), st.Message()}
			if diff := cmp.Diff([]string{c.code.String(), "tidemark", c.reason, c.message}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestToStatusOfNilIsNil(t *testing.T) {
	if st := rpcerr.ToStatus(nil); st != nil {
		t.Errorf("got %v", st)
	}
	if r := rpcerr.Reason(nil); r != 0 {
		t.Errorf("got reason %v", r)
	}
}

func TestErrorsIsWorksAcrossTheWire(t *testing.T) {
	all := []error{
		rpcerr.ErrNotFound, rpcerr.ErrStale, rpcerr.ErrTokenExpired, rpcerr.ErrTokenForeign, rpcerr.ErrSlowConsumer,
		rpcerr.ErrShuttingDown, rpcerr.ErrStoreUnavailable, context.Canceled, context.DeadlineExceeded,
	}
	for _, sent := range all {
		got := rpcerr.FromError(rpcerr.ToStatus(fmt.Errorf("here: %w", sent)).Err())
		for _, target := range all {
			if is := errors.Is(fmt.Errorf("there: %w", got), target); is != (target == sent) { //nolint:errorlint // identity is meant
				t.Errorf("sent %v: is %v: %t", sent, target, is)
			}
		}
	}
}

func TestFromErrorLeavesWhatIsNoStatus(t *testing.T) {
	other := errors.New("no status")
	for _, err := range []error{nil, io.EOF, other} {
		if got := rpcerr.FromError(err); got != err { //nolint:errorlint // identity is meant
			t.Errorf("%v became %v", err, got)
		}
	}
}

func TestDetailsSurviveTheWire(t *testing.T) {
	sent := rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY, "waiting").
		WithRetry(3 * time.Second).
		WithPrecondition(rpcerr.Precondition{Type: "DEPENDENCY", Subject: "imagerepositories/ns/a", Sentence: "apply it"})
	got := rpcerr.FromError(rpcerr.ToStatus(sent).Err())
	if rpcerr.Reason(got) != metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY || status.Code(got) != codes.FailedPrecondition {
		t.Errorf("got %v, %v", rpcerr.Reason(got), status.Code(got))
	}
	var types []string
	for _, d := range status.Convert(got).Details() {
		types = append(types, fmt.Sprintf("%T", d))
	}
	want := []string{"*errdetails.ErrorInfo", "*errdetails.RetryInfo", "*errdetails.PreconditionFailure"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Error(diff)
	}
	if s := rpcerr.Sentence(fmt.Errorf("get: %w", got)); s != "get: waiting" {
		t.Errorf("sentence %q", s)
	}
}

func TestFieldsSpeakTheManifestsSpelling(t *testing.T) {
	for path, want := range map[string]string{
		"image_policy.spec.policy.semver.range": "imagePolicy.spec.policy.semver.range",
		"imagePolicy.spec":                      "imagePolicy.spec",
		`image_policy.labels["a_b]_c\"_d"].x_y`: `imagePolicy.labels["a_b]_c\"_d"].xY`,
		"requests[2].image_repository_ref.name": "requests[2].imageRepositoryRef.name",
		"":                                      "",
		"page_token":                            "pageToken",
	} {
		got := rpcerr.FieldViolations(rpcerr.FromError(rpcerr.ToStatus(rpcerr.Field(path, "is wrong")).Err()))
		if diff := cmp.Diff([]rpcerr.FieldViolation{{Path: want, Sentence: "is wrong"}}, got); diff != "" {
			t.Error(diff)
		}
	}
	if err := rpcerr.Fields(nil); err != nil {
		t.Errorf("no violations: %v", err)
	}
}

func TestHostileTextIsBoundedAndValid(t *testing.T) {
	var many []rpcerr.FieldViolation
	for range 10_000 {
		many = append(many, rpcerr.FieldViolation{Path: strings.Repeat("ü", 5000), Sentence: "\xff" + strings.Repeat("é", 50_000)})
	}
	st := rpcerr.ToStatus(rpcerr.Fields(many))
	size := len(st.Message())
	for _, d := range st.Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				size += len(v.GetField()) + len(v.GetDescription())
			}
		}
	}
	if size > 24<<10 || !utf8.ValidString(st.Message()) {
		t.Errorf("%d bytes, valid: %t", size, utf8.ValidString(st.Message()))
	}
	if info(t, st).GetReason() != "INVALID_FIELD" {
		t.Error("the details did not marshal")
	}
}

func info(t *testing.T, st *status.Status) *errdetails.ErrorInfo {
	t.Helper()
	for _, d := range st.Details() {
		if i, ok := d.(*errdetails.ErrorInfo); ok {
			return i
		}
	}
	t.Errorf("no ErrorInfo in %v", st)
	return nil
}
