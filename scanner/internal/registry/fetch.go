// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Manifest is a manifest, or an index, as a registry has it.
type Manifest struct {
	// MediaType is what the registry says that it is; empty: it does not.
	MediaType string
	// Bytes are at most 4 MiB, and have the digest that they were asked for by.
	Bytes []byte
}

// Manifest fetches a manifest by its digest, and checks that it has it. One
// request. Errors are those of List.
func (c *Client) Manifest(ctx context.Context, name CanonicalName, digest string, options Options) (Manifest, error) {
	var found Manifest
	err := c.do(ctx, asked{name: name}, options, func(s *session, about asked) error {
		answer, err := s.get(ctx, about, "manifests", digest)
		if err != nil {
			return err
		}
		defer discard(answer)
		found.MediaType, _, _ = strings.Cut(answer.Header.Get("Content-Type"), ";")
		found.Bytes, err = verified(about, answer.Body, digest, maxManifest)
		return err
	})
	return found, err
}

// Blob fetches a blob of at most so many bytes by its digest, and checks that
// it has it. One request, and those of redirects. Errors are those of List.
func (c *Client) Blob(ctx context.Context, name CanonicalName, digest string, most int64, options Options) ([]byte, error) {
	var found []byte
	err := c.do(ctx, asked{name: name}, options, func(s *session, about asked) error {
		answer, err := s.get(ctx, about, "blobs", digest)
		if err != nil {
			return err
		}
		defer discard(answer)
		found, err = verified(about, answer.Body, digest, most)
		return err
	})
	return found, err
}

// get asks for what the digest names.
func (s *session) get(ctx context.Context, about asked, kind, digest string) (*http.Response, error) {
	if !sha256Digest(digest) {
		return nil, about.invalid("%.80q is no digest that can be checked", digest)
	}
	at := url.URL{
		Scheme: "https",
		Host:   about.name.registry,
		Path:   "/v2/" + about.name.repository + "/" + kind + "/" + digest,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, about.invalid("the address is not valid")
	}
	if kind == "manifests" {
		request.Header.Set("Accept", acceptedManifests())
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, about.failed(err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer discard(answer)
	refused := about.refused(answer)
	if answer.StatusCode == http.StatusNotFound {
		refused.Message = fmt.Sprintf("%s@%s does not exist", about.name, digest)
	}
	return nil, refused
}

// verified reads what has the digest.
func verified(about asked, body io.Reader, digest string, most int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(body, most+1))
	if err != nil && !errors.Is(err, errTooLarge) {
		return nil, about.failed(err)
	}
	if err != nil || int64(len(content)) > most {
		return nil, about.invalid("%s is larger than %d bytes", digest, most)
	}
	if sum := sha256.Sum256(content); "sha256:"+hex.EncodeToString(sum[:]) != digest {
		return nil, about.invalid("what it sent for %s has another digest", digest)
	}
	return content, nil
}

func sha256Digest(digest string) bool {
	text, ok := strings.CutPrefix(digest, "sha256:")
	decoded, err := hex.DecodeString(text)
	return ok && err == nil && len(decoded) == sha256.Size && text == strings.ToLower(text)
}
