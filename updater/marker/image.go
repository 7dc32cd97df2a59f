// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"errors"
	"fmt"
	"strings"
)

// Image is what a policy has chosen: the name as the image repository spells
// it, the tag, and the digest or nothing.
type Image struct {
	Name, Tag, Digest string
}

// What keeps a part of an image from being written.
var (
	// ErrNoDigest says that a digest is wanted and the policy has none.
	ErrNoDigest = errors.New("the policy has no digest")
	// ErrNoImage says that the policy has no name or no tag yet.
	ErrNoImage = errors.New("the policy has chosen no image yet")
	// ErrImage says that the image has characters that no reference has.
	ErrImage = errors.New("this is no image reference")
)

// maxImage bounds what is written, in bytes: a name of 255, a tag of 128 and
// a digest of 135 fit well.
const maxImage = 1024

// Render returns what a marker that asks for the part gets. The errors are
// ErrNoDigest, ErrNoImage and ErrImage.
func (p Part) Render(image Image) (string, error) {
	s := ""
	switch p {
	case Name:
		s = image.Name
	case Tag:
		s = image.Tag
	case Digest:
		if image.Digest == "" {
			return "", ErrNoDigest
		}
		s = image.Digest
	case Whole:
		if image.Name == "" || image.Tag == "" {
			return "", ErrNoImage
		}
		s = image.Name + ":" + image.Tag
		if image.Digest != "" {
			s += "@" + image.Digest
		}
	}
	if s == "" {
		return "", ErrNoImage
	}
	if !printable(s) {
		return "", fmt.Errorf("%.80q: %w", s, ErrImage)
	}
	return s, nil
}

// printable reports whether s is made only of what a name with host and port
// (also an IPv6 address in brackets), a tag and a digest consist of. None of it
// needs an escape in any quoting style of YAML.
func printable(s string) bool {
	if len(s) > maxImage {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("._-/:@+[]", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// SplitReference takes name[:tag][@digest] apart. It does not judge the parts.
func SplitReference(ref string) Image {
	image := Image{Name: ref}
	if at := strings.IndexByte(ref, '@'); at >= 0 {
		image.Name, image.Digest = ref[:at], ref[at+1:]
	}
	colon := strings.LastIndexByte(image.Name, ':')
	if colon > strings.LastIndexByte(image.Name, '/') {
		image.Name, image.Tag = image.Name[:colon], image.Name[colon+1:]
	}
	return image
}
