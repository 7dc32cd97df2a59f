// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package rpcerr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// Domain is the domain of every google.rpc.ErrorInfo made here.
const Domain = "tidemark"

// Details travel in HTTP/2 trailers, percent- or base64-encoded and partly twice; some clients refuse headers beyond
// 64 KiB. 4 KiB of message and 20 violations of at most 400 bytes stay well under that.
const (
	maxMessage    = 4 << 10
	maxViolations = 20
	maxSentence   = 400
)

// Error is an error that says how it looks on the wire. The zero value is not useful; make one with [New].
type Error struct {
	code       codes.Code
	reason     metav1.ErrorReason
	message    string
	cause      error
	violations []FieldViolation
	conditions []Precondition
	retryAfter time.Duration
	received   *status.Status // set on the client: the status as it came
}

// FieldViolation is one wrong field of a request.
type FieldViolation struct {
	// Path is the field in the manifests' spelling, from the request's root: "imagePolicy.spec.policy.semver.range". The
	// .proto files' spelling (image_policy) may be given to [Field] and [Fields], which change it.
	Path string
	// Sentence says what is wrong and what would be right.
	Sentence string
}

// Precondition is one thing that must be so before the call can succeed.
type Precondition struct {
	// Type is a word for programs, for example "DEPENDENCY"; Subject the thing, for example "imagerepositories/ns/name".
	Type, Subject string
	// Sentence says what to do.
	Sentence string
}

// New makes an error with a code, a reason and a sentence for the caller. The format is fmt.Errorf's: with %w the
// cause stays reachable for errors.Is on this side of the wire, and its text goes to the caller, so never wrap a
// driver's error here.
func New(code codes.Code, reason metav1.ErrorReason, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{code: code, reason: reason, message: err.Error(), cause: err}
}

// Field is the error of one wrong field: INVALID_ARGUMENT, INVALID_FIELD. See [FieldViolation] for the path.
func Field(path, sentence string) error {
	return Fields([]FieldViolation{{Path: path, Sentence: sentence}})
}

// Fields is the error of several wrong fields; nil when there are none.
func Fields(violations []FieldViolation) error {
	if len(violations) == 0 {
		return nil
	}
	violations = slices.Clone(violations)
	for i := range violations {
		violations[i].Path = manifestSpelling(violations[i].Path)
	}
	var parts []string
	for _, v := range violations[:min(len(violations), maxViolations)] {
		parts = append(parts, v.String())
	}
	if more := len(violations) - maxViolations; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return &Error{
		code:       codes.InvalidArgument,
		reason:     metav1.ErrorReason_ERROR_REASON_INVALID_FIELD,
		message:    strings.Join(parts, "; "),
		violations: violations,
	}
}

// String is the path and the sentence; the sentence alone where the violation is of the whole message.
func (v FieldViolation) String() string {
	if v.Path == "" {
		return v.Sentence
	}
	return v.Path + ": " + v.Sentence
}

// WithRetry says when to try again (google.rpc.RetryInfo). It returns e.
func (e *Error) WithRetry(after time.Duration) *Error {
	e.retryAfter = after
	return e
}

// WithPrecondition adds a google.rpc.PreconditionFailure. It returns e.
func (e *Error) WithPrecondition(p Precondition) *Error {
	e.conditions = append(e.conditions, p)
	return e
}

// Error is the sentence for people, without codes.
func (e *Error) Error() string { return e.message }

// Unwrap gives the cause; nil for an error that came over the wire.
func (e *Error) Unwrap() error { return e.cause }

// Code is the gRPC code.
func (e *Error) Code() codes.Code { return e.code }

// Is makes errors.Is work across the wire: an error is the sentinel that has its reason, and the context's error that
// has its code.
func (e *Error) Is(target error) bool {
	for _, s := range sentinels() {
		if s.err == target {
			return s.reason == e.reason
		}
	}
	switch e.code {
	case codes.Canceled:
		return target == context.Canceled
	case codes.DeadlineExceeded:
		return target == context.DeadlineExceeded
	default:
		return false
	}
}

// GRPCStatus is what status.FromError and status.Code see.
func (e *Error) GRPCStatus() *status.Status {
	if e.received != nil {
		return e.received
	}
	return e.build(e.message)
}

// Reason is the reason that err has, or would have on the wire; unspecified for nil.
func Reason(err error) metav1.ErrorReason {
	return reasonOf(ToStatus(err))
}

// FieldViolations lists the wrong fields that err names, on either side of the wire; empty for other errors.
func FieldViolations(err error) []FieldViolation {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.violations
	}
	return nil
}

// Sentence is err's message for people, without gRPC's "rpc error: code = … desc = "; empty for nil.
func Sentence(err error) string {
	if err == nil {
		return ""
	}
	if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		return s.GRPCStatus().Message()
	}
	return err.Error()
}

// manifestSpelling turns each name of a path from image_policy into imagePolicy, as protojson does; what is in brackets,
// a map's key, stays.
func manifestSpelling(path string) string {
	var b strings.Builder
	key, quoted, raise := false, false, false
	for i := range len(path) {
		c := path[i]
		switch {
		case key && c == '"' && path[i-1] != '\\':
			quoted = !quoted
		case c == '[' && !key:
			key = true
		case c == ']' && !quoted:
			key = false
		case c == '_' && !key:
			raise = true
			continue
		case raise && 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		raise = false
		b.WriteByte(c)
	}
	return b.String()
}

// bounded cuts s to at most n bytes of valid UTF-8, which protobuf insists on.
func bounded(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	cut := n - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
