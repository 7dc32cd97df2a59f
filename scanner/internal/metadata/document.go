// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxElements bounds what a manifest may have of one kind: what a few bytes of JSON become in memory is much larger.
const maxElements = 1000

var errTooMany = fmt.Errorf("it has more than %d elements of one kind", maxElements)

// document is what counts of a manifest or an index.
type document struct {
	MediaType   types.MediaType `json:"mediaType"`
	Config      *descriptor     `json:"config"`
	Manifests   descriptors     `json:"manifests"`
	Annotations texts           `json:"annotations"`
}

type descriptor struct {
	MediaType   types.MediaType `json:"mediaType"`
	Digest      string          `json:"digest"`
	Platform    *platform       `json:"platform"`
	Annotations texts           `json:"annotations"`
}

type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`
}

// configFile is what counts of an image's configuration.
type configFile struct {
	platform
	Created string `json:"created"`
	Config  struct {
		Labels texts `json:"Labels"`
	} `json:"config"`
}

// index tells whether the document lists other ones.
func (d document) index() bool {
	return d.MediaType.IsIndex() || d.MediaType == "" && d.Manifests != nil
}

// String is `os/architecture[/variant]`; empty for what cannot be one.
func (p platform) String() string {
	parts := []string{p.OS, p.Architecture}
	if p.Variant != "" {
		parts = append(parts, p.Variant)
	}
	for _, part := range parts {
		if part == "" || len(part) > 64 || strings.ContainsFunc(part, func(r rune) bool { return !plain(r) }) {
			return ""
		}
	}
	return strings.Join(parts, "/")
}

// plain are the characters of which systems and architectures are named.
func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}

// attests tells whether a descriptor stands for a statement about another image and not for an image.
func (d descriptor) attests() bool {
	return d.Annotations["vnd.docker.reference.type"] != "" ||
		d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown"
}

// descriptors are a bounded list.
type descriptors []descriptor

// UnmarshalJSON implements json.Unmarshaler.
func (d *descriptors) UnmarshalJSON(encoded []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return errors.Join(err, nullOr(token, "its manifests are no list"))
	}
	*d = descriptors{}
	for decoder.More() {
		if len(*d) == maxElements {
			return errTooMany
		}
		var next descriptor
		if err := decoder.Decode(&next); err != nil {
			return fmt.Errorf("a descriptor: %w", err)
		}
		*d = append(*d, next)
	}
	return nil
}

// texts are a bounded map.
type texts map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(encoded []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return errors.Join(err, nullOr(token, "its labels are no object"))
	}
	*t = texts{}
	for decoder.More() {
		if len(*t) == maxElements {
			return errTooMany
		}
		key, err := decoder.Token()
		if err != nil {
			return fmt.Errorf("a label: %w", err)
		}
		name, _ := key.(string) // the decoder sees to it
		var value string
		if err := decoder.Decode(&value); err != nil {
			return fmt.Errorf("label %.100q: %w", name, err)
		}
		(*t)[name] = value
	}
	return nil
}

// nullOr allows null.
func nullOr(token json.Token, message string) error {
	if token == nil {
		return nil
	}
	return errors.New(message)
}
