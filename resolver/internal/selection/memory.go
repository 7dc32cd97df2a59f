// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package selection

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

// Memory is the digests that tags had when they were looked at, for one policy: a digest that has changed starts the clock
// again. It is not safe for concurrent use. Nil remembers nothing.
type Memory struct {
	// UID is the image repository's.
	UID  string           `json:"uid"`
	Tags map[string]Sight `json:"tags"`

	changed bool
	looked  map[string]struct{} // since Settle
}

// How much is remembered beside what the last selection has looked at: of digests that have not moved, and in all.
const (
	roomy   = 500
	crowded = 2 * MaxInspect
)

// Sight is a tag's digest.
type Sight struct {
	Digest string `json:"digest"`
	// Since is when the tag was seen to have moved to it; zero: it has not moved since it was first seen.
	Since time.Time `json:"since,omitzero"`
}

// see takes down the digest, and returns when the tag moved to it; the zero time: it never did, as far as is known.
func (m *Memory) see(uid string, tag policy.Tag, digest string, now time.Time) time.Time {
	if m == nil || digest == "" {
		return time.Time{}
	}
	if m.UID != uid || m.Tags == nil {
		m.UID, m.Tags, m.changed = uid, map[string]Sight{}, true
	}
	if m.looked == nil {
		m.looked = map[string]struct{}{}
	}
	m.looked[tag.Name] = struct{}{}
	known, ok := m.Tags[tag.Name]
	if known.Digest == digest {
		return known.Since
	}
	sight := Sight{Digest: digest}
	if ok {
		sight.Since = now.UTC().Truncate(time.Millisecond)
	}
	m.Tags[tag.Name], m.changed = sight, true
	return sight.Since
}

// Settle ends a selection: it makes room, and reports whether the memory has changed since it was last asked. Tags that are
// gone are remembered too: one that comes back with another digest was pushed again.
func (m *Memory) Settle() (changed bool) {
	m.drop(roomy, func(sight Sight) bool { return sight.Since.IsZero() })
	m.drop(crowded, func(Sight) bool { return true })
	changed, m.changed, m.looked = m.changed, false, nil
	return changed
}

// drop forgets what was not looked at and may go, if there is more than that.
func (m *Memory) drop(limit int, may func(Sight) bool) {
	if len(m.Tags) <= limit {
		return
	}
	for tag, sight := range m.Tags {
		if _, looked := m.looked[tag]; !looked && may(sight) {
			delete(m.Tags, tag)
			m.changed = true
		}
	}
}

// Encode makes bytes of it, at most about 200 a tag.
func (m *Memory) Encode() ([]byte, error) {
	encoded, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding the digests seen: %w", err)
	}
	return encoded, nil
}

// Decode reads what Encode has made.
func Decode(encoded []byte) (*Memory, error) {
	m := &Memory{}
	if err := json.Unmarshal(encoded, m); err != nil {
		return nil, fmt.Errorf("decoding the digests seen: %w", err)
	}
	return m, nil
}
