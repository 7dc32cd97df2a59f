// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
)

// Revision is the checksum of a set of tags that Flux shows: "sha256:" and the
// hex of the tags in byte order, a newline after each.
func Revision(tags []string) string {
	sorted := tags
	if !slices.IsSorted(sorted) {
		sorted = slices.Sorted(slices.Values(tags))
	}
	sum := newChecksum()
	for _, tag := range sorted {
		sum.add(tag)
	}
	return sum.String()
}

// checksum is a Revision in the making.
type checksum struct {
	hash hash.Hash
	line []byte
}

func newChecksum() *checksum { return &checksum{hash: sha256.New()} }

func (c *checksum) add(tag string) {
	c.line = append(append(c.line[:0], tag...), '\n')
	// A hash never fails to be written to.
	_, _ = c.hash.Write(c.line)
}

func (c *checksum) String() string { return digestPrefix + hex.EncodeToString(c.hash.Sum(nil)) }
