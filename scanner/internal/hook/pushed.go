// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

// maxPushed bounds the tags of one call whose digests are looked at.
const maxPushed = 10

// pushed notes the tags that a payload names, for each repository that it may mean: a tag that is there already may stand
// for another digest now.
func (h *Hooks) pushed(ctx context.Context, keys []object.Key, images []receiver.Image) error {
	tags := make([]string, 0, maxPushed)
	for _, image := range images {
		if tagset.ValidTag(image.Tag) && len(tags) < maxPushed {
			tags = append(tags, image.Tag)
		}
	}
	if len(tags) == 0 {
		return nil
	}
	for _, key := range keys {
		repository, err := h.one(ctx, key)
		if errors.Is(err, object.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", key, err)
		}
		for _, tag := range tags {
			if err := h.config.Pushed(ctx, repository, tag); err != nil {
				return fmt.Errorf("noting that a tag of %s was pushed: %w", key, err)
			}
		}
	}
	return nil
}
