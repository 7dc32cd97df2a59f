// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import "strings"

// harbor sends the token as it is in `Authorization`. A pull has no effect: a scan may be one.
func harbor() protocol { return protocol{prove: headerIs("Authorization", ""), read: readHarbor} }

type harborEvent struct {
	Resources []struct {
		URL string `json:"resource_url"`
		Tag string `json:"tag"`
	} `json:"resources"`
	Repository struct {
		FullName string `json:"repo_full_name"`
	} `json:"repository"`
}

// readHarbor takes any payload, as an administrator may have given the hook a form of its own.
func readHarbor(c Call) (Notice, error) {
	var payload struct {
		Type  string      `json:"type"`
		Event harborEvent `json:"event_data"`
		// Data is the event in the CloudEvents form.
		Data harborEvent `json:"data"`
	}
	if err := decode(c.Body, &payload); err != nil {
		return Notice{}, nil //nolint:nilerr // the proof is the header; see above
	}
	notice := Notice{Event: payload.Type}
	notice.Idle = payload.Type == "PULL_ARTIFACT" || strings.HasSuffix(payload.Type, "artifact.pulled")
	for _, event := range []harborEvent{payload.Event, payload.Data} {
		for _, resource := range event.Resources {
			repository := event.Repository.FullName
			if resource.URL != "" {
				repository, _ = splitReference(resource.URL)
			}
			if repository != "" {
				notice.Images = append(notice.Images, Image{Repository: repository, Tag: resource.Tag})
			}
		}
	}
	return notice, nil
}
