// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import "strings"

// dockerHub signs nothing: who knows the path is believed.
func dockerHub() protocol { return protocol{prove: knowsPath, read: readDockerHub} }

func readDockerHub(c Call) (Notice, error) {
	var payload struct {
		PushData struct {
			Tag string `json:"tag"`
		} `json:"push_data"`
		Repository struct {
			URL  string `json:"repo_url"`
			Name string `json:"repo_name"`
		} `json:"repository"`
	}
	if err := decode(c.Body, &payload); err != nil {
		return Notice{}, err
	}
	name := payload.Repository.Name
	if name == "" {
		// https://hub.docker.com/r/team/app, or /_/app for an official one
		_, path, _ := strings.Cut(strings.TrimPrefix(payload.Repository.URL, "https://"), "/")
		name = strings.Trim(strings.TrimPrefix(strings.TrimPrefix(path, "r/"), "_/"), "/")
	}
	if name == "" {
		return Notice{}, nil
	}
	if !strings.Contains(name, "/") {
		name = "library/" + name
	}
	return Notice{Images: []Image{{Repository: "index.docker.io/" + name, Tag: payload.PushData.Tag}}}, nil
}
