// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"encoding/json"
	"maps"
	"slices"
)

// quay signs nothing: who knows the path is believed.
func quay() protocol { return protocol{prove: knowsPath, read: readQuay} }

func readQuay(c Call) (Notice, error) {
	var payload struct {
		DockerURL string   `json:"docker_url"`
		Tags      quayTags `json:"updated_tags"`
	}
	if err := decode(c.Body, &payload); err != nil {
		return Notice{}, err
	}
	if payload.DockerURL == "" {
		return Notice{}, nil
	}
	images := []Image{{Repository: payload.DockerURL}}
	if len(payload.Tags) > 0 {
		images = images[:0]
	}
	for _, tag := range payload.Tags {
		images = append(images, Image{Repository: payload.DockerURL, Tag: tag})
	}
	return Notice{Images: images}, nil
}

// quayTags is a list, or as older versions sent it an object whose keys are the tags.
type quayTags []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *quayTags) UnmarshalJSON(data []byte) error {
	var list []string
	err := json.Unmarshal(data, &list)
	if err == nil {
		*t = list
		return nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil {
		return err // decode wraps it
	}
	*t = slices.Sorted(maps.Keys(object))
	return nil
}
