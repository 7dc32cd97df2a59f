// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"fmt"
	"net/url"
	"strings"
)

// cdEvents signs nothing: who knows the path is believed. The event is the header `Ce-Type`, as in Flux.
func cdEvents() protocol { return protocol{prove: knowsPath, read: readCDEvent, events: true} }

func readCDEvent(c Call) (Notice, error) {
	var payload struct {
		Context struct {
			ID      string `json:"id"`
			Source  string `json:"source"`
			Type    string `json:"type"`
			Version string `json:"version"`
			Spec    string `json:"specversion"`
		} `json:"context"`
		Subject *struct {
			ID      string `json:"id"`
			Content any    `json:"content"`
		} `json:"subject"`
	}
	if err := decode(c.Body, &payload); err != nil {
		return Notice{}, err
	}
	about := payload.Context
	switch {
	case !strings.HasPrefix(about.Type, "dev.cdevents."):
		return Notice{}, fmt.Errorf("%w: context.type is none of CDEvents'", ErrPayload)
	case about.ID == "" || about.Source == "" || about.Version == "" && about.Spec == "":
		return Notice{}, fmt.Errorf("%w: context has no id, source or version", ErrPayload)
	case payload.Subject == nil || payload.Subject.ID == "":
		return Notice{}, fmt.Errorf("%w: subject has no id", ErrPayload)
	}
	return Notice{Event: c.Header.Get("Ce-Type"), Images: packageURL(payload.Subject.ID)}, nil
}

// packageURL is the image of `pkg:oci/app@sha256%3A…?repository_url=registry.example/team/app&tag=1.0`, which artifacts'
// events have for the subject; of others none.
func packageURL(id string) []Image {
	rest, ok := strings.CutPrefix(id, "pkg:oci/")
	if !ok {
		return nil
	}
	_, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil || values.Get("repository_url") == "" {
		return nil
	}
	return []Image{{Repository: values.Get("repository_url"), Tag: values.Get("tag")}}
}
