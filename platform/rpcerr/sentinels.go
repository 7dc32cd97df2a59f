// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package rpcerr

import (
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// The errors that callers tell apart on either side of the wire.
var (
	// ErrNotFound: there is no such object.
	ErrNotFound = errors.New("not found")
	// ErrStale: the resource version given is not the stored one; read again, then write again.
	ErrStale = errors.New("resource version is stale")
	// ErrTokenExpired: the resume token is older than what the store remembers; watch again without it.
	ErrTokenExpired = errors.New("resume token is expired")
	// ErrTokenForeign: the resume token is of another store or filter, or is none.
	ErrTokenForeign = errors.New("resume token is of another store or filter")
	// ErrSlowConsumer: the watcher did not keep up; resume with the last token.
	ErrSlowConsumer = errors.New("watcher is too slow")
	// ErrShuttingDown: the service is stopping; resume elsewhere, or in a moment.
	ErrShuttingDown = errors.New("service is shutting down")
	// ErrStoreUnavailable: the service's own store did not answer; try again.
	ErrStoreUnavailable = errors.New("store is unavailable")
)

type sentinel struct {
	err    error
	code   codes.Code
	reason metav1.ErrorReason
	// sentence replaces the error's own text, where that holds a driver's.
	sentence string
}

// sentinels is the one table of what maps to what.
func sentinels() []sentinel {
	return []sentinel{
		{err: ErrNotFound, code: codes.NotFound, reason: metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND},
		{err: ErrStale, code: codes.Aborted, reason: metav1.ErrorReason_ERROR_REASON_STALE_RESOURCE_VERSION},
		{err: ErrTokenExpired, code: codes.OutOfRange, reason: metav1.ErrorReason_ERROR_REASON_RESUME_TOKEN_EXPIRED},
		{err: ErrTokenForeign, code: codes.InvalidArgument, reason: metav1.ErrorReason_ERROR_REASON_RESUME_TOKEN_FOREIGN},
		{err: ErrSlowConsumer, code: codes.ResourceExhausted, reason: metav1.ErrorReason_ERROR_REASON_SLOW_CONSUMER},
		{err: ErrShuttingDown, code: codes.Unavailable, reason: metav1.ErrorReason_ERROR_REASON_SHUTTING_DOWN},
		{
			err: ErrStoreUnavailable, code: codes.Unavailable, reason: metav1.ErrorReason_ERROR_REASON_STORE_UNAVAILABLE,
			sentence: "the service's store did not answer; try again",
		},
	}
}

func (s sentinel) status(err error) *status.Status {
	sentence := s.sentence
	if sentence == "" {
		sentence = err.Error()
	}
	return (&Error{code: s.code, reason: s.reason, message: sentence}).GRPCStatus()
}
