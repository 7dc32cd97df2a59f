// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

// Contents is a Registry that also gives what digests name; *registry.Client is one.
type Contents interface {
	Manifest(ctx context.Context, name registry.CanonicalName, digest string, options registry.Options) (registry.Manifest, error)
	Blob(ctx context.Context, name registry.CanonicalName, digest string, most int64, options registry.Options) ([]byte, error)
}

// Asking asks about the tags of one image for one repository, each question within its own deadline.
type Asking struct {
	// Repository is asked for, and Image is the one that its tags were listed from.
	Repository *scannerv1.ImageRepository
	Image      string

	source   *Source
	contents Contents
}

// Asking begins to ask for a repository. The image may be another one than its spec has by now.
func (s *Source) Asking(contents Contents, repository *scannerv1.ImageRepository, image string) *Asking {
	return &Asking{Repository: repository, Image: image, source: s, contents: contents}
}

// Digest asks for a tag's digest. Errors: those of Source.List.
func (a *Asking) Digest(ctx context.Context, tag string) (string, error) {
	return a.source.Digest(ctx, a.Repository, a.Image, tag)
}

// Manifest fetches a manifest or an index by its digest. Errors: those of Source.List.
func (a *Asking) Manifest(ctx context.Context, digest string) (registry.Manifest, error) {
	var found registry.Manifest
	err := a.ask(ctx, func(ctx context.Context, name registry.CanonicalName, options registry.Options) (err error) {
		found, err = a.contents.Manifest(ctx, name, digest, options)
		return err
	})
	return found, err
}

// Blob fetches a blob of at most so many bytes by its digest. Errors: those of Source.List.
func (a *Asking) Blob(ctx context.Context, digest string, most int64) ([]byte, error) {
	var found []byte
	err := a.ask(ctx, func(ctx context.Context, name registry.CanonicalName, options registry.Options) (err error) {
		found, err = a.contents.Blob(ctx, name, digest, most, options)
		return err
	})
	return found, err
}

func (a *Asking) ask(ctx context.Context, question func(context.Context, registry.CanonicalName, registry.Options) error) error {
	name, err := Name(a.Image)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, min(Timeout(a.Repository.GetSpec()), digestTimeout))
	defer cancel()
	options, err := a.source.options(ctx, a.Repository, name)
	if err != nil {
		return err
	}
	return a.source.failed(a.Repository, name, "reading metadata failed: ", question(ctx, name, options))
}
