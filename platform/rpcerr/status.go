// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package rpcerr

import (
	"context"
	"errors"
	"io"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

const reasonPrefix = "ERROR_REASON_"

// ToStatus gives err its status: an [Error]'s own, a sentinel's, a context error's, or a bare gRPC status with the
// reason that fits its code. Anything else is INTERNAL, and its text is not in the status. It is nil for nil.
func ToStatus(err error) *status.Status {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.wrapped(err)
	}
	for _, s := range sentinels() {
		if errors.Is(err, s.err) {
			return s.status(err)
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return New(codes.Canceled, metav1.ErrorReason_ERROR_REASON_CANCELED, "the call was canceled").GRPCStatus()
	case errors.Is(err, context.DeadlineExceeded):
		return New(codes.DeadlineExceeded, metav1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, "the call's deadline passed before it was done").GRPCStatus()
	}
	// Only what is a status itself: one that is wrapped is some driver's, and not meant for the caller.
	if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		return completed(s.GRPCStatus())
	}
	return New(codes.Internal, metav1.ErrorReason_ERROR_REASON_INTERNAL, "internal error").GRPCStatus()
}

// FromError makes an [Error] of what a call returned, so that errors.Is and errors.As work with it. io.EOF, which ends
// a stream well, and errors that are no status are returned as they are.
func FromError(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	// The innermost status: what wraps it are gRPC's words about its retries.
	s, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err)
	if !ok {
		return err
	}
	st := s.GRPCStatus()
	e := &Error{code: st.Code(), message: st.Message(), received: st, reason: reasonOf(st)}
	if !hasInfo(st) {
		e.reason, e.message = transportReason(st), transportSentence(st.Message())
	}
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				e.violations = append(e.violations, FieldViolation{Path: v.GetField(), Sentence: v.GetDescription()})
			}
		case *errdetails.RetryInfo:
			e.retryAfter = d.GetRetryDelay().AsDuration()
		case *errdetails.PreconditionFailure:
			for _, v := range d.GetViolations() {
				e.conditions = append(e.conditions,
					Precondition{Type: v.GetType(), Subject: v.GetSubject(), Sentence: v.GetDescription()})
			}
		}
	}
	return e
}

// wrapped is e's status with the words that err, which wraps it, has added.
func (e *Error) wrapped(err error) *status.Status {
	st := completed(e.GRPCStatus())
	if err.Error() == e.message {
		return st
	}
	p := st.Proto()
	p.Message = bounded(err.Error(), maxMessage)
	return status.FromProto(p)
}

func (e *Error) build(message string) *status.Status {
	details := []protoadapt.MessageV1{errorInfo(e.reason)}
	if len(e.violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, v := range e.violations[:min(len(e.violations), maxViolations)] {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
				Field: bounded(v.Path, maxSentence), Description: bounded(v.Sentence, maxSentence),
			})
		}
		details = append(details, bad)
	}
	if e.retryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.retryAfter)})
	}
	if len(e.conditions) > 0 {
		failure := &errdetails.PreconditionFailure{}
		for _, c := range e.conditions[:min(len(e.conditions), maxViolations)] {
			failure.Violations = append(failure.Violations, &errdetails.PreconditionFailure_Violation{
				Type: bounded(c.Type, maxSentence), Subject: bounded(c.Subject, maxSentence), Description: bounded(c.Sentence, maxSentence),
			})
		}
		details = append(details, failure)
	}
	return withDetails(status.New(e.code, bounded(message, maxMessage)), details...)
}

// completed adds the ErrorInfo to a status that has none.
func completed(st *status.Status) *status.Status {
	if st.Code() == codes.OK || hasInfo(st) {
		return st
	}
	return withDetails(st, errorInfo(transportReason(st)))
}

func withDetails(st *status.Status, details ...protoadapt.MessageV1) *status.Status {
	full, err := st.WithDetails(details...)
	if err != nil { // only for OK, or for details that do not marshal; both are ruled out above
		return st
	}
	return full
}

func errorInfo(reason metav1.ErrorReason) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Domain: Domain, Reason: strings.TrimPrefix(reason.String(), reasonPrefix)}
}

func hasInfo(st *status.Status) bool {
	for _, detail := range st.Details() {
		if _, ok := detail.(*errdetails.ErrorInfo); ok {
			return true
		}
	}
	return false
}

// reasonOf reads the reason from a status; unspecified where it has none, or one that this build does not know.
func reasonOf(st *status.Status) metav1.ErrorReason {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == Domain {
			return metav1.ErrorReason(metav1.ErrorReason_value[reasonPrefix+info.GetReason()])
		}
	}
	return metav1.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// transportSentence leaves of gRPC's nested descriptions the last: `dial tcp 127.0.0.1:9001: connect: connection refused`.
func transportSentence(message string) string {
	if i := strings.LastIndex(message, "desc = "); i >= 0 {
		message = message[i+len("desc = "):]
	}
	message = strings.TrimPrefix(strings.Trim(message, `"`), "transport: ")
	return strings.TrimPrefix(message, "Error while dialing: ")
}

// transportReason is the reason of a status that gRPC itself, or code that knows no reasons, has made.
func transportReason(st *status.Status) metav1.ErrorReason {
	switch st.Code() {
	case codes.InvalidArgument:
		return metav1.ErrorReason_ERROR_REASON_INVALID_FIELD
	case codes.NotFound:
		return metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND
	case codes.PermissionDenied, codes.Unauthenticated:
		return metav1.ErrorReason_ERROR_REASON_ACCESS_DENIED
	case codes.ResourceExhausted:
		return metav1.ErrorReason_ERROR_REASON_TOO_LARGE
	case codes.Unavailable:
		return metav1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE
	case codes.Canceled:
		return metav1.ErrorReason_ERROR_REASON_CANCELED
	case codes.DeadlineExceeded:
		return metav1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED
	case codes.Unimplemented:
		return metav1.ErrorReason_ERROR_REASON_UNIMPLEMENTED
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return metav1.ErrorReason_ERROR_REASON_INTERNAL
	default:
		return metav1.ErrorReason_ERROR_REASON_UNSPECIFIED
	}
}
