// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package set

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// policy is what a marker names.
type policy struct{ namespace, name string }

func (p policy) String() string { return p.namespace + ":" + p.name }

// given is one --image.
type given struct {
	policy policy
	image  marker.Image
}

const example = "for example flux-system:podinfo=ghcr.io/stefanprodan/podinfo:6.5.1"

// parseImages reads the values of --image, in their order.
func parseImages(values []string) ([]given, error) {
	if len(values) == 0 {
		return nil, fmt.Errorf("--image is required: NAMESPACE:NAME=IMAGE:TAG, %s", example)
	}
	seen := map[policy]bool{}
	var all []given
	for _, value := range values {
		one, err := parseImage(value)
		if err != nil {
			return nil, fmt.Errorf("--image %s: %w", value, err)
		}
		if seen[one.policy] {
			return nil, fmt.Errorf("--image %s: an earlier --image says already what %s is", value, one.policy)
		}
		seen[one.policy] = true
		all = append(all, one)
	}
	return all, nil
}

func parseImage(value string) (given, error) {
	left, right, ok := strings.Cut(value, "=")
	if !ok {
		return given{}, fmt.Errorf("expected NAMESPACE:NAME=IMAGE:TAG, %s", example)
	}
	ref, err := marker.ParseRef(left)
	switch {
	case err != nil:
		return given{}, fmt.Errorf("expected NAMESPACE:NAME before the =, as it stands in the marker, %s", example)
	case ref.Part != marker.Whole:
		return given{}, fmt.Errorf("expected NAMESPACE:NAME before the =, without :%s; each marker says which part it wants", ref.Part)
	}
	image, err := parseReference(right)
	return given{policy: policy{ref.Namespace, ref.Name}, image: image}, err
}

// parseReference reads IMAGE:TAG[@DIGEST]. The name stays as it is written.
func parseReference(text string) (marker.Image, error) {
	image := marker.SplitReference(text)
	switch {
	case strings.Contains(text, "://"):
		scheme, _, _ := strings.Cut(text, "://")
		return image, fmt.Errorf("an image has no URL scheme; remove '%s://'", scheme)
	case image.Name == "":
		return image, fmt.Errorf("expected IMAGE:TAG after the =, %s", example)
	case image.Tag == "":
		return image, errors.New("the image has no tag: expected IMAGE:TAG after the =, and @DIGEST if you like")
	}
	if _, err := name.NewTag(image.Name + ":" + image.Tag); err != nil {
		return image, fmt.Errorf("expected IMAGE:TAG after the =: %w", err)
	}
	if strings.Contains(text, "@") {
		if _, err := name.NewDigest(image.Name + "@" + image.Digest); err != nil {
			return image, fmt.Errorf("expected @sha256: and 64 hexadecimal digits after the tag: %w", err)
		}
	}
	return image, nil
}
