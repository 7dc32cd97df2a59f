// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/remotes"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
)

// The reasons of conditions.
const (
	reasonSucceeded = "Succeeded"
	reasonProgress  = "Progressing"
	reasonGit       = "GitOperationFailed"
	reasonUpdate    = "UpdateFailed"
	reasonSigning   = "SigningFailed"
	reasonWaiting   = "DependencyNotReady"

	reasonPath     = "InvalidPath"
	reasonTemplate = "InvalidTemplate"
	reasonSelector = "InvalidPolicySelector"
	reasonSpec     = "InvalidSpec"
)

// ReasonDefect is the reason of what is nobody's fault but ours, or the store's.
const ReasonDefect = "Failure"

// Kind sorts failures by what happens next.
type Kind int

// The kinds of failures.
const (
	// Failed: the run is tried again after a while.
	Failed Kind = iota
	// NotReady: something that the automation refers to is missing or suspended; its coming makes a run.
	NotReady
	// Denied: the source may not be used.
	Denied
	// Invalid: nothing will help but another spec.
	Invalid
	// Suspended: the automation rests. The status says nothing of it.
	Suspended
	// Gone: the automation is deleted.
	Gone
	// CutOff: the process is stopping. The status says nothing of it.
	CutOff
	// TooLarge: a preview's answer does not fit.
	TooLarge
)

// Error is why a run did not succeed.
type Error struct {
	Kind Kind
	// Reason is the condition's.
	Reason string
	// Sentence says what happened, and what to do.
	Sentence string
	// open says that the record must stay open: nobody knows whether the commit arrived.
	open bool
	// afresh says that the run starts over at once, without the fault of anybody.
	afresh bool
	cause  error
}

// Error is the sentence.
func (f *Error) Error() string { return f.Sentence }

// Unwrap gives the cause, where it is an error of gitrepo's or the store's.
func (f *Error) Unwrap() error { return f.cause }

// again says whether the run can start over at once.
func (f *Error) again() bool {
	return f.afresh || errors.Is(f.cause, gitrepo.ErrStale) || errors.Is(f.cause, gitrepo.ErrCacheDamaged)
}

func startOver() *Error {
	return &Error{afresh: true, Reason: reasonGit, Sentence: "what the commit was built on did not reach the remote; it is tried again"}
}

func suspended(noun string, key object.Key) *Error {
	return &Error{Kind: Suspended, Sentence: fmt.Sprintf("%s '%s' is suspended; resume it first", noun, key)}
}

func notReady(format string, args ...any) *Error {
	return &Error{Kind: NotReady, Reason: reasonWaiting, Sentence: fmt.Sprintf(format, args...)}
}

func internal(err error) *Error {
	return &Error{Reason: ReasonDefect, Sentence: "the run failed by a defect of ours; the log has more: " + err.Error(), cause: err}
}

func cutOff(err error) *Error {
	return &Error{Kind: CutOff, Sentence: "the run was cut off, for the updater is stopping", cause: err}
}

func storeFailure(err error) *Error {
	switch {
	case errors.Is(err, object.ErrNotFound):
		return &Error{Kind: Gone, Sentence: err.Error(), cause: err}
	case errors.Is(err, context.Canceled):
		return cutOff(err)
	default:
		return &Error{Reason: ReasonDefect, Sentence: "the updater's store did not answer; it is tried again", cause: err}
	}
}

func invalidSpec(violations []rpcerr.FieldViolation) *Error {
	reason, field := reasonSpec, violations[0].Path
	switch {
	case field == spec.FieldPath:
		reason = reasonPath
	case field == spec.FieldTemplate:
		reason = reasonTemplate
	case strings.HasPrefix(field, spec.FieldSelector):
		reason = reasonSelector
	}
	return &Error{Kind: Invalid, Reason: reason, Sentence: "spec." + violations[0].String()}
}

// gitFailure says what to do about an error of the remote or its cache.
func (w *work) gitFailure(err error) *Error {
	f := &Error{Reason: reasonGit, Sentence: err.Error(), cause: err}
	switch {
	case errors.Is(err, context.Canceled):
		return cutOff(err)
	case errors.Is(err, remotes.ErrSecret):
		f.Sentence = "the Git remote was not asked: " + err.Error()
	case errors.Is(err, gitrepo.ErrBranchNotFound) && w.checkout.Branch != "":
		f.Sentence = fmt.Sprintf("branch '%s' not found on remote %s: create it, or set %s to one that exists",
			w.checkout.Branch, gitrepo.Redact(w.source.GetSpec().GetUrl()), w.refField())
	case errors.Is(err, gitrepo.ErrPath):
		f.Reason = reasonPath
	case errors.Is(err, gitrepo.ErrOutcomeUnknown):
		f.open = true
	}
	return f
}

// refField names the field that says what is checked out.
func (w *work) refField() string {
	if w.spec.Checkout != nil {
		return "spec.git.checkout.ref"
	}
	return fmt.Sprintf("spec.git.checkout.ref, or spec.ref of GitRepository '%s',", w.spec.Source)
}
