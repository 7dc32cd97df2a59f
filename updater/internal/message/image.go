// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package message

import (
	"cmp"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// ImageRef is an image that was written. It prints as it was written.
type ImageRef struct {
	image  marker.Image
	policy ObjectName
}

// String returns name:tag[@digest], the name as the policy has it.
func (r ImageRef) String() string {
	s := r.image.Name
	if r.image.Tag != "" {
		s += ":" + r.image.Tag
	}
	if r.image.Digest != "" {
		s += "@" + r.image.Digest
	}
	return s
}

// Identifier returns the digest, and the tag if there is none.
func (r ImageRef) Identifier() string { return cmp.Or(r.image.Digest, r.image.Tag) }

// Registry returns the registry, as in index.docker.io.
func (r ImageRef) Registry() string { return r.repository().RegistryStr() }

// Repository returns the repository without the registry, as in library/alpine.
func (r ImageRef) Repository() string { return r.repository().RepositoryStr() }

// Name returns the whole reference with registry and repository, as in
// index.docker.io/library/alpine:3.20.
func (r ImageRef) Name() string {
	if r.image.Digest != "" {
		return r.repository().Name() + "@" + r.image.Digest
	}
	return r.repository().Name() + ":" + r.image.Tag
}

// Policy returns the policy that chose the image.
func (r ImageRef) Policy() ObjectName { return r.policy }

// repository reads the name; one that cannot be read has no registry.
func (r ImageRef) repository() name.Repository {
	repo, err := name.NewRepository(r.image.Name)
	if err != nil {
		return name.Repository{}
	}
	return repo
}

// inOrder sorts images by what they print, and drops doubles.
func inOrder(images []ImageRef) []ImageRef {
	slices.SortFunc(images, func(a, b ImageRef) int { return cmp.Compare(a.String(), b.String()) })
	return slices.CompactFunc(images, func(a, b ImageRef) bool { return a.String() == b.String() })
}
