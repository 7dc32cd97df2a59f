// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

var scheme = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+.-]*)://`)

// checkImage says what the scanner would say of an image that is no bare name, and what to write instead.
func checkImage(image string) error {
	if image == "" {
		return errors.New("an image repository (--image) is required")
	}
	bare, reason := bareImage(image)
	if reason == "" {
		if _, err := name.NewRepository(image); err != nil {
			return fmt.Errorf("unable to parse image value: %w", err)
		}
		return nil
	}
	err := fmt.Errorf("--image: image '%s' should not include %s", image, reason)
	if _, parse := name.NewRepository(bare); parse != nil {
		return err
	}
	return fmt.Errorf("%w; write --image %s", err, bare)
}

// bareImage is an image without scheme, tag and digest; the reason says of the first of them what is to go, and is empty
// where there is none.
func bareImage(image string) (bare, reason string) {
	bare = image
	if s := scheme.FindStringSubmatch(bare); s != nil {
		bare, reason = strings.TrimRight(strings.TrimPrefix(bare, s[0]), "/"), "URL scheme; remove '"+s[0]+"'"
	}
	tagged, digest, ok := strings.Cut(bare, "@")
	if ok && reason == "" {
		reason = "a digest; remove '@" + digest + "'"
	}
	bare = tagged
	// A colon before the last slash is a registry's port.
	if colon := strings.LastIndexByte(bare, ':'); colon > strings.LastIndexByte(bare, '/') {
		if reason == "" {
			reason = "a tag; remove '" + bare[colon:] + "'"
		}
		bare = bare[:colon]
	}
	return bare, reason
}
