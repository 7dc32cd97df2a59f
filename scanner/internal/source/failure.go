// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

// The reasons of Errors, as Flux has them.
const (
	ReasonImageURLInvalid      = "ImageURLInvalid"
	ReasonAuthenticationFailed = "AuthenticationFailed"
	ReasonReadOperationFailed  = "ReadOperationFailed"
)

// Error is why there is no answer.
type Error struct {
	// Reason is one word for programs.
	Reason string
	// Sentence is for people: what failed, where, and what to do. It holds no secrets.
	Sentence string
	// Stalled says that nothing but another spec helps.
	Stalled bool
	// RetryAfter is how long the registry asks to be left alone; zero: it does not say.
	RetryAfter time.Duration
	// Cause is one of package registry's errors, or the secret's.
	Cause error
}

func (f *Error) Error() string { return f.Sentence }

// Unwrap gives the cause.
func (f *Error) Unwrap() error { return f.Cause }

// failed makes an Error of a registry's error; nil of nil. What was cancelled is nobody's failure.
func failed(repository *scannerv1.ImageRepository, doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	failure := &Error{Reason: ReasonReadOperationFailed, Sentence: doing + err.Error(), Cause: err}
	if answer, ok := errors.AsType[*registry.Error](err); ok {
		failure.RetryAfter = answer.RetryAfter
	}
	switch {
	case errors.Is(err, registry.ErrAuthentication):
		failure.Reason = ReasonAuthenticationFailed
		failure.Sentence += "; " + aboutCredentials(repository)
	case errors.Is(err, registry.ErrNotFound):
		failure.Sentence += "; check spec.image, and " + aboutCredentials(repository)
	case errors.Is(err, context.DeadlineExceeded):
		failure.Sentence += fmt.Sprintf(" (%s, see spec.timeout)", Timeout(repository.GetSpec()))
	}
	return failure
}

func aboutCredentials(repository *scannerv1.ImageRepository) string {
	ref := repository.GetSpec().GetSecretRef()
	if ref == nil {
		return "if it is private, name a secret with its credentials in spec.secretRef"
	}
	return fmt.Sprintf("the credentials are those of the key '%s' of secret '%s'",
		secretKey, object.KeyOf(repository.GetMetadata().GetNamespace(), ref.GetName()))
}
