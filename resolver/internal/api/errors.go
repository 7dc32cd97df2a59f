// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"errors"
	"time"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/reconcile"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
)

// callTimeout bounds every call that works, however patient the caller is.
const callTimeout = time.Minute

// explain gives the domain's errors their code and reason; the paths of fields get the prefix. What is not the domain's
// stays as it is.
func explain(err error, prefix string) error {
	if wrong, ok := errors.AsType[*policy.FieldError](err); ok {
		return rpcerr.Field(prefix+wrong.Field, wrong.Reason)
	}
	if digest, ok := errors.AsType[*reconcile.DigestError](err); ok {
		return explainRegistry(digest)
	}
	if unread, ok := errors.AsType[*selection.InspectError](err); ok {
		return explainRegistry(unread)
	}
	for _, k := range []struct {
		is     error
		code   codes.Code
		reason metav1.ErrorReason
	}{
		{policy.ErrNoTags, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED},
		{policy.ErrNoneEligible, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED},
		{selection.ErrTooMany, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED},
		{reconcile.ErrNoAnswer, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED},
		{reconcile.ErrSuspended, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_SUSPENDED},
		{follow.ErrAbsent, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY},
		{follow.ErrNotScanned, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY},
		{follow.ErrDenied, codes.PermissionDenied, metav1.ErrorReason_ERROR_REASON_ACCESS_DENIED},
		{follow.ErrUnreachable, codes.Unavailable, metav1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE},
	} {
		if errors.Is(err, k.is) {
			return rpcerr.New(k.code, k.reason, "%w", err)
		}
	}
	return err
}

// explainRegistry keeps what the scanner said, but for its NOT_FOUND, which is not of what the caller named. What is no
// status is the registry's answer in the scanner's words.
func explainRegistry(err error) error {
	cause := errors.Unwrap(err)
	st := rpcerr.ToStatus(cause)
	code, reason := st.Code(), rpcerr.Reason(cause)
	if code == codes.NotFound {
		code = codes.FailedPrecondition
	}
	if code == codes.Internal {
		code, reason = codes.Unavailable, metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED
	}
	return rpcerr.New(code, reason, "%w", err)
}
