// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package source asks a registry on behalf of a stored ImageRepository: under its image's name, with its credentials,
// certificates and proxy, within its deadline. What goes wrong becomes an Error: a reason and a sentence that says what to do, fit for a condition
// and for a caller. It stores nothing and decides nothing about when to ask.
package source

import (
	"context"
	"time"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

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
	// Clouds gives the credentials of spec.provider; nil: there are none.
	Clouds Clouds
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
	options, err := s.options(ctx, repository, name)
	if err != nil {
		return registry.Listing{}, err
	}
	listing, err := s.Registry.List(ctx, name, options)
	return listing, s.failed(repository, name, "scan failed: ", err)
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
	options, err := s.options(ctx, repository, name)
	if err != nil {
		return "", err
	}
	digest, err := s.Registry.Head(ctx, name, tag, options)
	return digest, s.failed(repository, name, "reading the digest failed: ", err)
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
