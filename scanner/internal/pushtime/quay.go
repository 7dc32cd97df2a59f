// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package pushtime

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// quayAPI is Quay's; see https://docs.quay.io/api/swagger/.
type quayAPI struct{ webAPI }

type quayTags struct {
	Tags []struct {
		Name string `json:"name"`
		// StartTS is when the tag began to stand for what it does, in s since 1970.
		StartTS int64 `json:"start_ts"`
	} `json:"tags"`
	HasAdditional bool `json:"has_additional"`
}

// Pushed implements API.
func (q quayAPI) Pushed(ctx context.Context, query Query) (map[string]time.Time, error) {
	query.Username, query.Password = "", "" // Quay's API takes tokens of its own alone
	address := origin(query) + "/api/v1/repository/" + query.Repository + "/tag/?onlyActiveTags=true"
	c := collect(query.Tags)
	read := func(suffix string) (more bool, err error) {
		var answer quayTags
		found, err := q.get(ctx, query, address+suffix, &answer)
		if err != nil {
			return false, err
		}
		if !found {
			return false, ErrNotFound
		}
		for _, tag := range answer.Tags {
			c.tell(tag.Name, time.Unix(min(tag.StartTS, maxTime+1), 0))
		}
		return answer.HasAdditional && len(answer.Tags) > 0, nil
	}
	if len(query.Tags) <= fewTags {
		for _, tag := range query.Tags {
			if _, err := read("&limit=1&specificTag=" + url.QueryEscape(tag)); err != nil {
				return c.times, err
			}
		}
		return c.times, nil
	}
	return c.pages(func(page int) (bool, error) { return read(fmt.Sprintf("&limit=%d&page=%d", pageSize, page)) })
}
