// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"errors"
	"fmt"
)

var (
	// ErrForeignHost says that the registry is none of the provider's, and gets no credential of it.
	ErrForeignHost = errors.New("the registry belongs to another provider")
	// ErrRefused says that the provider knows this process and gives it no credential, or does not know it.
	ErrRefused = errors.New("the provider refused a credential")
	// ErrUnavailable says that the provider was not reached, or that this process has no identity there.
	ErrUnavailable = errors.New("the provider gave no credential")
)

// Error is every error of Credentials.Get but the context's.
type Error struct {
	// Kind is one of the sentinels.
	Kind error
	// Message is a sentence for people; it holds no secrets and nothing of what a provider answered but its error's code.
	Message string
	// Cause is the SDK's error; nil: there is none.
	Cause error
}

func (e *Error) Error() string { return e.Message }

// Is matches the Kind.
func (e *Error) Is(target error) bool { return target == e.Kind }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

func foreign(host, provider, wants string) error {
	return &Error{
		Kind:    ErrForeignHost,
		Message: fmt.Sprintf("registry %s is none of %s's (%s), and gets no credential of it", host, provider, wants),
	}
}

// failed tells of an SDK's error: refused with a code that the provider gave, or out of reach where there is none.
func failed(host, provider, code string, cause error) error {
	switch {
	case cause != nil && errors.Is(cause, context.Canceled):
		return fmt.Errorf("fetching a credential for registry %s: %w", host, context.Canceled)
	case code != "":
		return &Error{
			Kind: ErrRefused, Cause: cause,
			Message: fmt.Sprintf("%s gives no credential for registry %s: %.100q", provider, host, code),
		}
	case errors.Is(cause, context.DeadlineExceeded):
		return &Error{
			Kind: ErrUnavailable, Cause: cause,
			Message: fmt.Sprintf("%s gives no credential for registry %s: no answer in time", provider, host),
		}
	}
	return &Error{
		Kind: ErrUnavailable, Cause: cause,
		Message: fmt.Sprintf("%s gives no credential for registry %s: this process has no identity there, or its token service "+
			"is out of reach; the log says more", provider, host),
	}
}
