// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
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
	if errors.Is(err, registry.ErrAuthentication) {
		failure.Reason = ReasonAuthenticationFailed
	}
	switch {
	case errors.Is(err, registry.ErrProxy):
		failure.Sentence += "; " + aboutProxy(repository)
	case errors.Is(err, registry.ErrClientCertificate):
		failure.Sentence += "; " + aboutCertificate(repository)
	case errors.Is(err, registry.ErrDistrusted):
		failure.Sentence += "; " + aboutAuthority(repository)
	case errors.Is(err, registry.ErrAuthentication):
		failure.Sentence += "; " + aboutCredentials(repository)
	case errors.Is(err, registry.ErrNotFound):
		failure.Sentence += "; check spec.image, and " + aboutCredentials(repository)
	case errors.Is(err, context.DeadlineExceeded):
		failure.Sentence += fmt.Sprintf(" (%s, see spec.timeout)", Timeout(repository.GetSpec()))
	}
	return failure
}

// failed is the function of the same name, and a provider's credential that the registry refused is fetched anew next time.
func (s *Source) failed(repository *scannerv1.ImageRepository, name registry.CanonicalName, doing string, err error) error {
	provider := providerOf(repository)
	if s.Clouds != nil && provider != scannerv1.Provider_PROVIDER_GENERIC && errors.Is(err, registry.ErrAuthentication) {
		s.Clouds.Forget(provider, name.Registry())
	}
	return failed(repository, doing, err)
}

func aboutCredentials(repository *scannerv1.ImageRepository) string {
	if provider := providerOf(repository); provider != scannerv1.Provider_PROVIDER_GENERIC {
		return fmt.Sprintf("the credentials are those that spec.provider '%s' gives this process", providerName(provider))
	}
	ref := repository.GetSpec().GetSecretRef()
	if ref == nil {
		return "if it is private, name a secret with its credentials in spec.secretRef"
	}
	return fmt.Sprintf("the credentials are those of the key '%s' of secret '%s'", secretKey, secretOf(repository, ref))
}

func aboutProxy(repository *scannerv1.ImageRepository) string {
	ref := repository.GetSpec().GetProxySecretRef()
	if ref == nil {
		return "it is that of the scanner's environment (HTTPS_PROXY, HTTP_PROXY); name another one in spec.proxySecretRef"
	}
	return fmt.Sprintf("it is that of the keys 'address', 'username' and 'password' of secret '%s'", secretOf(repository, ref))
}

func aboutCertificate(repository *scannerv1.ImageRepository) string {
	ref := repository.GetSpec().GetCertSecretRef()
	if ref == nil {
		return fmt.Sprintf("name a secret with a certificate and its key, '%s' and '%s', in spec.certSecretRef", certificateKeys[0], keyKeys[0])
	}
	return fmt.Sprintf("it is that of the keys '%s' and '%s' of secret '%s'", certificateKeys[0], keyKeys[0], secretOf(repository, ref))
}

func aboutAuthority(repository *scannerv1.ImageRepository) string {
	ref := repository.GetSpec().GetCertSecretRef()
	if ref == nil {
		return fmt.Sprintf("name a secret with the authority's certificate, '%s', in spec.certSecretRef", authorityKeys[0])
	}
	return fmt.Sprintf("beside the system's authorities, those of the key '%s' of secret '%s' are trusted", authorityKeys[0], secretOf(repository, ref))
}

func secretOf(repository *scannerv1.ImageRepository, ref *metav1.LocalObjectReference) object.Key {
	return object.KeyOf(repository.GetMetadata().GetNamespace(), ref.GetName())
}
