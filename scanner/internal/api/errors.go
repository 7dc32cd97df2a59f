// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
	"github.com/tidemark-io/tidemark/scanner/internal/scan"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/tags"
)

// scanError gives the errors of a scan, and of a question for a digest, their codes.
func scanError(key object.Key, err error) error {
	if errors.Is(err, scan.ErrSuspended) {
		return rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_SUSPENDED,
			"ImageRepository %s is suspended: resume it first", key)
	}
	if failure, ok := errors.AsType[*source.Error](err); ok {
		e := rpcerr.New(failureCode(failure), metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED, "%s", failure.Sentence)
		if failure.RetryAfter > 0 {
			e = e.WithRetry(failure.RetryAfter)
		}
		return e
	}
	return err
}

func failureCode(failure *source.Error) codes.Code {
	for _, known := range []struct {
		err  error
		code codes.Code
	}{
		{registry.ErrAuthentication, codes.Unauthenticated},
		{secret.ErrNotFound, codes.FailedPrecondition},
		{registry.ErrNotFound, codes.NotFound},
		{registry.ErrRateLimited, codes.ResourceExhausted},
		{context.DeadlineExceeded, codes.DeadlineExceeded},
		{registry.ErrUnreachable, codes.Unavailable},
		{registry.ErrServer, codes.Unavailable},
	} {
		if errors.Is(failure, known.err) {
			return known.code
		}
	}
	return codes.FailedPrecondition
}

// tagsError gives the errors of package tags their codes.
func tagsError(err error) error {
	for _, known := range []struct {
		err    error
		code   codes.Code
		reason metav1.ErrorReason
	}{
		{tags.ErrAccessDenied, codes.PermissionDenied, metav1.ErrorReason_ERROR_REASON_ACCESS_DENIED},
		{tags.ErrTooMany, codes.ResourceExhausted, metav1.ErrorReason_ERROR_REASON_TOO_LARGE},
		{tags.ErrNoTag, codes.NotFound, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND},
	} {
		if errors.Is(err, known.err) {
			return rpcerr.New(known.code, known.reason, "%w", err)
		}
	}
	switch {
	case errors.Is(err, tags.ErrPageGone):
		return rpcerr.Field("page_token", "its revision is gone: leave it empty to start over")
	case errors.Is(err, tags.ErrNotScanned):
		return rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY, "%w", err)
	case errors.Is(err, tags.ErrForeignPage):
		return rpcerr.Field("page_token", "is no page token of this listing: leave it empty for the first page")
	}
	return err
}
