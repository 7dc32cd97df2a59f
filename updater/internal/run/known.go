// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"sync"

	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/marker"
)

const (
	// maxKnown bounds what is remembered of contents: some 200 bytes each, and 100 for each value in it.
	maxKnown = 50_000
	// maxKnownValues is how many marked values a content may have to be remembered with them.
	maxKnownValues = 32
)

// known remembers contents by their blobs' ids: that both of package marker's readers read them alike, so that the second need
// not read them again; and, of those without a problem, the marked values, so that a file in which all values are current
// is not even read. It is safe for concurrent use; its zero value is empty.
type known struct {
	mu   sync.Mutex
	seen map[gitrepo.Hash][]knownValue
}

// knownValue is a marked value.
type knownValue struct {
	ref   marker.Ref
	value string
}

// proven says whether both readers have read the content alike.
func (k *known) proven(hash gitrepo.Hash) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.seen[hash]
	return ok
}

// current says whether all the content's values are known, and are what is chosen now.
func (k *known) current(hash gitrepo.Hash, choose marker.Chooser) bool {
	k.mu.Lock()
	values := k.seen[hash]
	k.mu.Unlock()
	for _, v := range values {
		image, verdict := choose(marker.Marker{Ref: v.ref, Value: v.value})
		if verdict != marker.Write {
			return false
		}
		if text, err := v.ref.Part.Render(image); err != nil || text != v.value {
			return false
		}
	}
	return len(values) > 0
}

// learn remembers a content that was read alike; values are nil where they are too many, or something is wrong in it.
func (k *known) learn(hash gitrepo.Hash, values []knownValue) {
	if len(values) > maxKnownValues {
		values = nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.seen == nil || len(k.seen) >= maxKnown {
		k.seen = map[gitrepo.Hash][]knownValue{}
	}
	k.seen[hash] = values
}
