// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"net/http"
	"time"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/scanner/internal/pushtime"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

// Contents is a Registry that also gives what digests name; *registry.Client is one.
type Contents interface {
	Manifest(ctx context.Context, name registry.CanonicalName, digest string, options registry.Options) (registry.Manifest, error)
	Blob(ctx context.Context, name registry.CanonicalName, digest string, most int64, options registry.Options) ([]byte, error)
	Beside(ctx context.Context, name registry.CanonicalName, options registry.Options) (http.RoundTripper, registry.Password, error)
}

// Inquiry asks for more than tags. Its fields are all required, and not changed after the first call.
type Inquiry struct {
	Source    *Source
	Contents  Contents
	PushTimes *pushtime.Registries
}

// Asking asks about the tags of one image for one repository, each question within its own deadline.
type Asking struct {
	// Repository is asked for, and Image is the one that its tags were listed from.
	Repository *scannerv1.ImageRepository
	Image      string

	*Inquiry
}

// About begins to ask for a repository. The image may be another one than its spec has by now.
func (i *Inquiry) About(repository *scannerv1.ImageRepository, image string) *Asking {
	return &Asking{Repository: repository, Image: image, Inquiry: i}
}

// Digest asks for a tag's digest. Errors: those of Source.List.
func (a *Asking) Digest(ctx context.Context, tag string) (string, error) {
	return a.Source.Digest(ctx, a.Repository, a.Image, tag)
}

// Manifest fetches a manifest or an index by its digest. Errors: those of Source.List.
func (a *Asking) Manifest(ctx context.Context, digest string) (registry.Manifest, error) {
	var found registry.Manifest
	err := a.ask(ctx, func(ctx context.Context, name registry.CanonicalName, options registry.Options) (err error) {
		found, err = a.Contents.Manifest(ctx, name, digest, options)
		return err
	})
	return found, err
}

// Blob fetches a blob of at most so many bytes by its digest. Errors: those of Source.List.
func (a *Asking) Blob(ctx context.Context, digest string, most int64) ([]byte, error) {
	var found []byte
	err := a.ask(ctx, func(ctx context.Context, name registry.CanonicalName, options registry.Options) (err error) {
		found, err = a.Contents.Blob(ctx, name, digest, most, options)
		return err
	})
	return found, err
}

// Pushed asks the registry's own API, if it is known to have one, when tags were pushed. What is known is returned beside an
// error, which is one of List's or of package pushtime's.
func (a *Asking) Pushed(ctx context.Context, tags []string) (map[string]time.Time, error) {
	var times map[string]time.Time
	err := a.ask(ctx, func(ctx context.Context, name registry.CanonicalName, options registry.Options) error {
		if a.PushTimes.Of(name.Registry()) == nil {
			return nil
		}
		way, password, err := a.Contents.Beside(ctx, name, options)
		if err != nil {
			return err
		}
		spec := a.Repository.GetSpec()
		times, err = a.PushTimes.Pushed(ctx, pushtime.Query{
			Host: name.Registry(), Repository: name.Repository(), Tags: tags, Plain: spec.GetInsecure(), Transport: way,
			Username: password.Username, Password: password.Password,
			CloudIdentity: spec.GetProvider() == scannerv1.Provider_PROVIDER_AWS,
		})
		return err
	})
	return times, err
}

func (a *Asking) ask(ctx context.Context, question func(context.Context, registry.CanonicalName, registry.Options) error) error {
	name, err := Name(a.Image)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, min(Timeout(a.Repository.GetSpec()), digestTimeout))
	defer cancel()
	options, err := a.Source.options(ctx, a.Repository, name)
	if err != nil {
		return err
	}
	return a.Source.failed(a.Repository, name, "reading metadata failed: ", question(ctx, name, options))
}
