// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

// maxManifest bounds a manifest in bytes, as the OCI's specification asks
// registries to.
const maxManifest = 4 << 20

// Head asks for the digest of a tag's manifest, "sha256:…"; for an index that is
// the index's own. One request, or a second one where the registry leaves the
// digest out of its headers: then it is computed. Errors are those of List.
func (c *Client) Head(ctx context.Context, name CanonicalName, tag string, options Options) (string, error) {
	about := asked{name: name, tag: tag}
	if !tagset.ValidTag(tag) {
		return "", &Error{Kind: ErrNotFound, Message: "a tag of this name cannot exist"}
	}
	var digest string
	err := c.do(ctx, about, options, func(s *session, about asked) (err error) {
		if digest, err = s.manifest(ctx, about, http.MethodHead); err == nil && digest == "" {
			digest, err = s.manifest(ctx, about, http.MethodGet)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return digest, nil
}

// manifest asks for the manifest and returns its digest; empty when a HEAD did
// not tell it.
func (s *session) manifest(ctx context.Context, about asked, method string) (string, error) {
	at := url.URL{
		Scheme: "https",
		Host:   about.name.registry,
		Path:   "/v2/" + about.name.repository + "/manifests/" + about.tag,
	}
	request, err := http.NewRequestWithContext(ctx, method, at.String(), nil)
	if err != nil {
		return "", about.invalid("the address is not valid")
	}
	request.Header.Set("Accept", acceptedManifests())
	answer, err := s.client.Do(request)
	if err != nil {
		return "", about.failed(err)
	}
	defer discard(answer)
	if answer.StatusCode != http.StatusOK {
		return "", about.refused(answer)
	}
	if method == http.MethodHead {
		told, err := v1.NewHash(answer.Header.Get("Docker-Content-Digest"))
		if err != nil {
			return "", nil // No digest, or none that can be read: it is computed.
		}
		return told.String(), nil
	}
	return computed(about, answer.Body)
}

func computed(about asked, manifest io.Reader) (string, error) {
	hash := sha256.New()
	size, err := io.Copy(hash, io.LimitReader(manifest, maxManifest+1))
	if err != nil {
		return "", about.failed(err)
	}
	if size > maxManifest {
		return "", about.invalid("the manifest is larger than %d bytes", maxManifest)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

func acceptedManifests() string {
	return strings.Join([]string{
		string(types.OCIImageIndex),
		string(types.DockerManifestList),
		string(types.OCIManifestSchema1),
		string(types.DockerManifestSchema2),
	}, ", ")
}
