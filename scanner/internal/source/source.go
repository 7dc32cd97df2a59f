// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package source asks a registry on behalf of a stored ImageRepository: under its image's name, with its credentials,
// within its deadline. What goes wrong becomes an Error: a reason and a sentence that says what to do, fit for a condition
// and for a caller. It stores nothing and decides nothing about when to ask.
package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

// secretKey is where a secret holds its docker config, as in a Kubernetes secret of type
// kubernetes.io/dockerconfigjson.
const secretKey = ".dockerconfigjson" //nolint:gosec // a key's name, no credential

const (
	// zeroIntervalTimeout is the deadline of a repository that says neither timeout nor interval.
	zeroIntervalTimeout = time.Minute
	// maxDefaultTimeout bounds the deadline that nobody wrote down: a registry that sends a byte a minute must not hold a
	// scan for the days that an interval may have.
	maxDefaultTimeout = 10 * time.Minute
	// digestTimeout bounds the question for one digest.
	digestTimeout = time.Minute
)

// Registry is what asks; *registry.Client does.
type Registry interface {
	List(ctx context.Context, name registry.CanonicalName, options registry.Options) (registry.Listing, error)
	Head(ctx context.Context, name registry.CanonicalName, tag string, options registry.Options) (string, error)
}

// Source asks registries for ImageRepositories. Its fields are not changed after the first call.
type Source struct {
	Registry Registry
	Secrets  secret.Source
	// PageSize is how many tags are asked for at once; zero: registry.Options' default.
	PageSize int
}

// List lists all tags of the repository's image. Errors: *Error, or the context's when it was cancelled.
func (s *Source) List(ctx context.Context, repository *scannerv1.ImageRepository) (registry.Listing, error) {
	name, err := Name(repository.GetSpec().GetImage())
	if err != nil {
		return registry.Listing{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout(repository.GetSpec()))
	defer cancel()
	options, err := s.options(ctx, repository)
	if err != nil {
		return registry.Listing{}, err
	}
	listing, err := s.Registry.List(ctx, name, options)
	return listing, failed(repository, "scan failed: ", err)
}

// Digest asks for the digest of a tag of the image, which may be another one than the repository's spec has by now.
// Errors: those of List.
func (s *Source) Digest(ctx context.Context, repository *scannerv1.ImageRepository, image, tag string) (string, error) {
	name, err := Name(image)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, min(Timeout(repository.GetSpec()), digestTimeout))
	defer cancel()
	options, err := s.options(ctx, repository)
	if err != nil {
		return "", err
	}
	digest, err := s.Registry.Head(ctx, name, tag, options)
	return digest, failed(repository, "reading the digest failed: ", err)
}

// Name reads an image's name. Errors: *Error that is stalled, for nothing but another image helps.
func Name(image string) (registry.CanonicalName, error) {
	name, err := registry.ParseImage(image)
	if err != nil {
		return name, &Error{Reason: ReasonImageURLInvalid, Sentence: err.Error(), Stalled: true, Cause: err}
	}
	return name, nil
}

// Timeout is the deadline over authentication and scan.
func Timeout(spec *scannerv1.ImageRepositorySpec) time.Duration {
	switch timeout, interval := spec.GetTimeout().AsDuration(), spec.GetInterval().AsDuration(); {
	case timeout > 0:
		return timeout
	case interval > 0:
		return min(interval, maxDefaultTimeout)
	default:
		return zeroIntervalTimeout
	}
}

func (s *Source) options(ctx context.Context, repository *scannerv1.ImageRepository) (registry.Options, error) {
	keychain, err := s.keychain(ctx, repository)
	return registry.Options{
		Keychain: keychain,
		Insecure: repository.GetSpec().GetInsecure(),
		PageSize: s.PageSize,
	}, err
}

// keychain reads the credentials anew each time, so that rotated ones are used at once.
func (s *Source) keychain(ctx context.Context, repository *scannerv1.ImageRepository) (authn.Keychain, error) {
	ref := repository.GetSpec().GetSecretRef()
	if ref == nil {
		return nil, nil
	}
	key := object.KeyOf(repository.GetMetadata().GetNamespace(), ref.GetName())
	unreadable := func(cause error, format string, args ...any) error {
		return &Error{Reason: ReasonAuthenticationFailed, Sentence: fmt.Sprintf(format, args...), Cause: cause}
	}
	found, _, err := s.Secrets.Get(ctx, key.Namespace, key.Name)
	switch {
	case errors.Is(err, context.Canceled):
		return nil, err
	case errors.Is(err, secret.ErrNotFound):
		return nil, unreadable(err, "secret '%s' not found: it is looked for as the folder %s below --secrets-dir, "+
			"and among the v1/Secret manifests of `tidemark up`", key, key)
	case err != nil:
		return nil, unreadable(err, "secret '%s' cannot be read from the folder %s below --secrets-dir; the log says why", key, key)
	}
	config, ok := found[secretKey]
	if !ok {
		return nil, unreadable(secret.ErrNotFound, "secret '%s' has no key '%s', which should hold a docker config", key, secretKey)
	}
	keychain, err := registry.DockerConfig(config)
	if err != nil {
		return nil, unreadable(err, "key '%s' of secret '%s': %v", secretKey, key, err)
	}
	return keychain, nil
}
