// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// errUnreadable says that stored facts are none.
var errUnreadable = errors.New("the stored metadata cannot be read")

const factsVersion = 1

// Facts are what the content behind a digest says of itself. They never change.
type Facts struct {
	// Created is in UTC, in microseconds; zero: it does not say.
	Created time.Time
	// Platforms are `os/architecture[/variant]`, in byte order; at most 64.
	Platforms []string
	// Labels are labels and annotations; an annotation stands over a label. 16 KiB together at most.
	Labels map[string]string
	// Incomplete says, in a sentence, what was left out because it is beyond a bound or makes no sense. Empty: nothing.
	Incomplete string
}

// storedFacts is the stored form of Facts.
type storedFacts struct {
	Version    int               `json:"v"`
	Created    time.Time         `json:"c,omitzero"`
	Platforms  []string          `json:"p,omitempty"`
	Labels     map[string]string `json:"l,omitempty"`
	Incomplete string            `json:"i,omitempty"`
}

func (f Facts) encode() ([]byte, error) {
	encoded, err := json.Marshal(storedFacts{factsVersion, f.Created, f.Platforms, f.Labels, f.Incomplete})
	if err != nil {
		return nil, fmt.Errorf("encoding metadata: %w", err)
	}
	return encoded, nil
}

func decode(stored []byte) (Facts, error) {
	var s storedFacts
	if err := json.Unmarshal(stored, &s); err != nil || s.Version != factsVersion {
		return Facts{}, errors.Join(errUnreadable, err)
	}
	return Facts{s.Created, s.Platforms, s.Labels, s.Incomplete}, nil
}

// leaveOut notes what is not in the facts. The first reason is enough.
func (f *Facts) leaveOut(format string, args ...any) {
	if f.Incomplete == "" {
		f.Incomplete = fmt.Sprintf(format, args...)
	}
}
