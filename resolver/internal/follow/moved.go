// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"sync"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

// moves remembers when tags' digests moved, of those whose digest a policy has asked for: all others stay unknown here. A
// head names the moves of its own revision; of those in between, which nobody may have seen, the transfer tells by the
// digests of its tags.
type moves struct {
	mu sync.Mutex
	at map[string]int64 // revision by tag
}

func (m *moves) note(head *scannerv1.TagSetHead, transferred []string) {
	if len(transferred)+len(head.GetMoved()) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at == nil {
		m.at = map[string]int64{}
	}
	for _, tags := range [][]string{transferred, head.GetMoved()} {
		for _, tag := range tags {
			m.at[tag] = head.GetRevision()
		}
	}
}

// MovedAt is the revision at which the tag's digest was last heard to have moved; zero: never.
func (t *Tags) MovedAt(tag string) int64 {
	t.moves.mu.Lock()
	defer t.moves.mu.Unlock()
	return t.moves.at[tag]
}
