// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package pushtime

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// hubAPI is Docker Hub's; see https://docs.docker.com/reference/api/hub/latest/.
type hubAPI struct {
	webAPI
	base string
}

type hubTag struct {
	Name string `json:"name"`
	// TagLastPushed is null for tags that were never pushed since Docker Hub writes it down.
	TagLastPushed time.Time `json:"tag_last_pushed"`
}

// Pushed implements API.
func (h hubAPI) Pushed(ctx context.Context, query Query) (map[string]time.Time, error) {
	namespace, name, nested := strings.Cut(query.Repository, "/")
	if !nested || strings.Contains(name, "/") {
		return nil, fmt.Errorf("%w: Docker Hub's repositories have two parts", ErrNotFound)
	}
	address := fmt.Sprintf("%s/v2/namespaces/%s/repositories/%s/tags", h.base, url.PathEscape(namespace), url.PathEscape(name))
	c := collect(query.Tags)
	if len(query.Tags) <= fewTags {
		for _, tag := range query.Tags {
			var told hubTag
			if found, err := h.get(ctx, query, address+"/"+url.PathEscape(tag), &told); err != nil {
				return c.times, err
			} else if found {
				c.tell(tag, told.TagLastPushed)
			}
		}
		return c.times, nil
	}
	return c.pages(func(page int) (bool, error) {
		var answer struct {
			Next    *string  `json:"next"` // not followed: the next page's number is known
			Results []hubTag `json:"results"`
		}
		found, err := h.get(ctx, query, fmt.Sprintf("%s?page_size=%d&page=%d", address, pageSize, page), &answer)
		if err != nil || !found && page > 1 {
			return false, err
		}
		if !found {
			return false, ErrNotFound
		}
		for _, tag := range answer.Results {
			c.tell(tag.Name, tag.TagLastPushed)
		}
		return answer.Next != nil && len(answer.Results) > 0, nil
	})
}
