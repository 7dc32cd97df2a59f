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
		return explainDigest(digest)
	}
	for _, k := range []struct {
		is     error
		code   codes.Code
		reason metav1.ErrorReason
	}{
		{policy.ErrNoTags, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED},
		{policy.ErrNoneEligible, codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED},
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

// explainDigest keeps what the scanner said, but for its NOT_FOUND, which is not of what the caller named.
func explainDigest(err *reconcile.DigestError) error {
	st := rpcerr.ToStatus(errors.Unwrap(err))
	code := st.Code()
	if code == codes.NotFound {
		code = codes.FailedPrecondition
	}
	return rpcerr.New(code, rpcerr.Reason(errors.Unwrap(err)), "%w", err)
}
