// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Push makes a tiny image for each tag and pushes it under that tag. The image
// depends on repository and tag alone: two tags have two digests, and the same
// push again changes nothing. The repository has no host: "team/app".
func (r *Registry) Push(ctx context.Context, repository string, tags ...string) error {
	repo, err := r.repository(repository)
	if err != nil {
		return err
	}
	pusher, err := remote.NewPusher(r.options(ctx)...)
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	for _, tag := range tags {
		image, err := Image(repository, tag)
		if err != nil {
			return err
		}
		if err := pusher.Push(ctx, repo.Tag(tag), image); err != nil {
			return fmt.Errorf("registry: push %s:%s: %w", repository, tag, err)
		}
	}
	return nil
}

// PushImage pushes an image or an index of the caller's under one tag, where
// the tag may be one that is there: a moved tag.
func (r *Registry) PushImage(ctx context.Context, repository, tag string, image remote.Taggable) error {
	repo, err := r.repository(repository)
	if err != nil {
		return err
	}
	pusher, err := remote.NewPusher(r.options(ctx)...)
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	if err := pusher.Push(ctx, repo.Tag(tag), image); err != nil {
		return fmt.Errorf("registry: push %s:%s: %w", repository, tag, err)
	}
	return nil
}

// Delete takes tags away; the images stay. A tag that is not there is an error.
func (r *Registry) Delete(ctx context.Context, repository string, tags ...string) error {
	repo, err := r.repository(repository)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if err := remote.Delete(repo.Tag(tag), r.options(ctx)...); err != nil {
			return fmt.Errorf("registry: delete %s:%s: %w", repository, tag, err)
		}
	}
	return nil
}

// Image is the image that Push makes for a tag: one layer, and a config that
// names repository and tag.
func Image(repository, tag string) (v1.Image, error) {
	layer := static.NewLayer([]byte("tidemark\n"), types.OCIUncompressedLayer)
	image, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layer)
	if err != nil {
		return nil, fmt.Errorf("registry: make an image: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("registry: make an image: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Labels = map[string]string{
		"org.opencontainers.image.title":   repository,
		"org.opencontainers.image.version": tag,
	}
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return nil, fmt.Errorf("registry: make an image: %w", err)
	}
	return mutate.ConfigMediaType(image, types.OCIConfigJSON), nil
}

func (r *Registry) repository(repository string) (name.Repository, error) {
	repo, err := name.NewRepository(r.host+"/"+repository, name.Insecure)
	if err != nil {
		return name.Repository{}, fmt.Errorf("registry: repository %q: %w", repository, err)
	}
	return repo, nil
}

func (r *Registry) options(ctx context.Context) []remote.Option {
	options := []remote.Option{remote.WithContext(ctx), remote.WithTransport(r.client)}
	if r.username != "" {
		options = append(options, remote.WithAuth(&authn.Basic{Username: r.username, Password: r.password}))
	}
	return options
}
