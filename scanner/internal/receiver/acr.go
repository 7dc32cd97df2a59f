// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

// acr signs nothing: who knows the path is believed.
func acr() protocol { return protocol{prove: knowsPath, read: readACR} }

func readACR(c Call) (Notice, error) {
	var payload struct {
		Action string `json:"action"`
		Target struct {
			Repository string `json:"repository"`
			Tag        string `json:"tag"`
		} `json:"target"`
		Request struct {
			Host string `json:"host"`
		} `json:"request"`
	}
	if err := decode(c.Body, &payload); err != nil {
		return Notice{}, err
	}
	notice := Notice{Event: payload.Action, Idle: payload.Action == "ping"}
	if payload.Target.Repository != "" {
		repository := joinHost(payload.Request.Host, payload.Target.Repository)
		notice.Images = []Image{{Repository: repository, Tag: payload.Target.Tag}}
	}
	return notice, nil
}
