// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"errors"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/run"
)

// reasonWaiting is the condition's reason where something that a run asks did not answer.
const reasonWaiting = "DependencyNotReady"

// failed is the error of a run that failed, in the words of the condition.
func failed(f *run.Error) error {
	code, reason := codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_GIT_FAILED
	switch f.Kind {
	case run.NotReady:
		reason = metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY
	case run.Denied:
		code, reason = codes.PermissionDenied, metav1.ErrorReason_ERROR_REASON_ACCESS_DENIED
	case run.Invalid:
		reason = metav1.ErrorReason_ERROR_REASON_INVALID_FIELD
	case run.Suspended:
		reason = metav1.ErrorReason_ERROR_REASON_SUSPENDED
	case run.Gone:
		code, reason = codes.NotFound, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND
	case run.CutOff:
		code, reason = codes.Unavailable, metav1.ErrorReason_ERROR_REASON_SHUTTING_DOWN
	case run.TooLarge:
		code, reason = codes.ResourceExhausted, metav1.ErrorReason_ERROR_REASON_TOO_LARGE
	case run.Failed:
		switch {
		case errors.Is(f, rpcerr.ErrStoreUnavailable):
			code, reason = codes.Unavailable, metav1.ErrorReason_ERROR_REASON_STORE_UNAVAILABLE
		case f.Reason == run.ReasonDefect:
			code, reason = codes.Internal, metav1.ErrorReason_ERROR_REASON_INTERNAL
		case f.Reason == reasonWaiting: // the resolver did not answer about some values; the rest is done
			reason = metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY
		default:
			code = gitCode(f)
		}
	}
	return rpcerr.New(code, reason, "%s", f.Sentence)
}

func gitCode(err error) codes.Code {
	is := func(kinds ...error) bool {
		for _, kind := range kinds {
			if errors.Is(err, kind) {
				return true
			}
		}
		return false
	}
	switch {
	case is(gitrepo.ErrUnreachable, gitrepo.ErrServer, gitrepo.ErrOutcomeUnknown):
		return codes.Unavailable
	case is(gitrepo.ErrStale):
		return codes.Aborted
	case is(gitrepo.ErrForbidden, gitrepo.ErrRefused):
		return codes.PermissionDenied
	case is(gitrepo.ErrTooLarge):
		return codes.ResourceExhausted
	case is(gitrepo.ErrCache, gitrepo.ErrCacheInUse, gitrepo.ErrCacheDamaged):
		return codes.Internal
	default:
		return codes.FailedPrecondition
	}
}
