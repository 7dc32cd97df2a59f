// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"math"
)

const (
	ageInitial byte = 1 // of the first scan: older than whatever came later
	ageKnown   byte = 2

	markUnversioned byte = 1
	markVersioned   byte = 2
)

// appendTimeKey appends the key of a tag that is ordered by when it was first seen; then by the version that the text is, if
// it is one; then by the text's bytes.
func appendTimeKey(dst []byte, tag Tag, text string) []byte {
	dst = append(dst, classOrdered)
	if tag.Initial {
		dst = append(dst, ageInitial)
	} else {
		dst = append(dst, ageKnown)
		// Inverting the sign bit puts the times before 1970 first.
		dst = binary.BigEndian.AppendUint64(dst, uint64(tag.FirstSeen.Unix())^(math.MaxInt64+1)) //nolint:gosec // the bits are wanted
		dst = binary.BigEndian.AppendUint32(dst, uint32(tag.FirstSeen.Nanosecond()))             //nolint:gosec // below 1e9
	}
	if v, ok := parseVersion(text); ok {
		dst = v.appendRank(append(dst, markVersioned))
	} else {
		dst = append(dst, markUnversioned)
	}
	return append(dst, text...)
}
