// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// ErrInvalidImage marks every error of ParseImage; the message is for the
// person who wrote the image.
var ErrInvalidImage = errors.New("invalid image")

// maxImageLength bounds an image name in bytes; the repository part alone may
// have 255.
const maxImageLength = 512

// CanonicalName is an image name with nothing left out: registry host and
// repository, no tag. "alpine" is index.docker.io/library/alpine. The zero
// value is no name. Values can be compared and used as map keys.
type CanonicalName struct {
	registry, repository string
}

// Registry is the host, with its port if it has one.
func (n CanonicalName) Registry() string { return n.registry }

// Repository is the path on the host, without a leading slash.
func (n CanonicalName) Repository() string { return n.repository }

// String is host/repository; empty for the zero value.
func (n CanonicalName) String() string {
	if n.IsZero() {
		return ""
	}
	return n.registry + "/" + n.repository
}

// IsZero tells whether n names nothing.
func (n CanonicalName) IsZero() bool { return n == CanonicalName{} }

var (
	digestForm    = regexp.MustCompile(`^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$`)
	hostForm      = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?$`)
	componentForm = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$`)
)

// imageError is what is wrong with an image name.
type imageError string

func (e imageError) Error() string { return string(e) }

// Is makes every such error an ErrInvalidImage.
func (imageError) Is(target error) bool { return target == ErrInvalidImage }

// ParseImage reads spec.image: a repository, with or without its registry, and
// without scheme, tag and digest. Errors are ErrInvalidImage, with Flux's
// sentences where Flux has one.
func ParseImage(image string) (CanonicalName, error) {
	if len(image) > maxImageLength {
		return CanonicalName{}, imageError(fmt.Sprintf("image name is longer than %d bytes", maxImageLength))
	}
	if scheme, _, found := strings.Cut(image, "://"); found {
		return CanonicalName{}, imageError(fmt.Sprintf(
			"image '%s' should not include URL scheme; remove '%s://'", image, scheme))
	}
	if _, digest, found := strings.Cut(image, "@"); found {
		if !digestForm.MatchString(digest) {
			// What stands before an @ may be a password: it is not repeated.
			return CanonicalName{}, imageError("image name should not include '@'")
		}
		return CanonicalName{}, imageError(fmt.Sprintf(
			"image '%s' should not include a digest; remove '@%s'", image, digest))
	}
	if _, tag, found := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":"); found {
		return CanonicalName{}, imageError(fmt.Sprintf(
			"image '%s' should not include a tag; remove ':%s'", image, tag))
	}
	repository, err := name.NewRepository(image)
	if err != nil {
		return CanonicalName{}, imageError(fmt.Sprintf("image %q is not an image name", image))
	}
	canonical := CanonicalName{repository.RegistryStr(), repository.RepositoryStr()}
	if !hostForm.MatchString(canonical.registry) {
		return CanonicalName{}, imageError(fmt.Sprintf("image %q does not begin with a valid host", image))
	}
	for component := range strings.SplitSeq(canonical.repository, "/") {
		if !componentForm.MatchString(component) {
			return CanonicalName{}, imageError(fmt.Sprintf(
				"image %q is not an image name: %q should be lower-case letters and digits, joined by '.', '_' or '-'",
				image, component))
		}
	}
	return canonical, nil
}

// hostname is the host without its port and brackets.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		if strings.IndexByte(host, ':') == i || strings.HasPrefix(host, "[") {
			host = host[:i]
		}
	}
	return strings.Trim(host, "[]")
}

// isLoopback tells whether a host (with or without port) is this machine by
// its name or address, without asking the DNS.
func isLoopback(host string) bool {
	host = strings.ToLower(hostname(host))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
