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

// harborAPI is that of Harbor 2; see https://github.com/goharbor/harbor/blob/main/api/v2.0/swagger.yaml.
type harborAPI struct{ webAPI }

// harborArtifact is what one digest has: its tags may have been pushed later than it.
type harborArtifact struct {
	Tags []struct {
		Name     string    `json:"name"`
		PushTime time.Time `json:"push_time"`
	} `json:"tags"`
}

// Pushed implements API.
func (h harborAPI) Pushed(ctx context.Context, query Query) (map[string]time.Time, error) {
	project, name, nested := strings.Cut(query.Repository, "/")
	if !nested {
		return nil, fmt.Errorf("%w: Harbor's repositories are of projects", ErrNotFound)
	}
	// A slash within the repository's name is escaped twice, as Harbor wants it.
	address := fmt.Sprintf("%s/api/v2.0/projects/%s/repositories/%s/artifacts",
		origin(query), url.PathEscape(project), url.PathEscape(url.PathEscape(name)))
	const with = "with_tag=true&with_label=false&with_scan_overview=false"
	c := collect(query.Tags)
	tell := func(artifact harborArtifact) {
		for _, tag := range artifact.Tags {
			c.tell(tag.Name, tag.PushTime)
		}
	}
	if len(query.Tags) <= fewTags {
		for _, tag := range query.Tags {
			var artifact harborArtifact
			if _, err := h.get(ctx, query, address+"/"+url.PathEscape(tag)+"?"+with, &artifact); err != nil {
				return c.times, err
			}
			tell(artifact)
		}
		return c.times, nil
	}
	return c.pages(func(page int) (bool, error) {
		var artifacts []harborArtifact
		found, err := h.get(ctx, query, fmt.Sprintf("%s?%s&page_size=%d&page=%d", address, with, pageSize, page), &artifacts)
		if err != nil {
			return false, err
		}
		if !found {
			return false, ErrNotFound
		}
		for _, artifact := range artifacts {
			tell(artifact)
		}
		return len(artifacts) == pageSize, nil
	})
}
