// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A resume token is base64url of: version (1 byte), cluster id, epoch, filter hash, revision (8 bytes each), and a
// CRC-32 over all that (4 bytes). The checksum is against mistakes; a forged token harms nobody but its maker.
const (
	tokenVersion = 1
	tokenSize    = 1 + 4*8 + 4
)

type token struct {
	cluster, epoch, filter uint64
	revision               int64
}

func (t token) String() string {
	b := make([]byte, 0, tokenSize)
	b = append(b, tokenVersion)
	for _, field := range []uint64{t.cluster, t.epoch, t.filter, uint64(t.revision)} { //nolint:gosec // revisions are not negative
		b = binary.BigEndian.AppendUint64(b, field)
	}
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseToken(text string) (token, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != tokenSize || b[0] != tokenVersion ||
		crc32.ChecksumIEEE(b[:tokenSize-4]) != binary.BigEndian.Uint32(b[tokenSize-4:]) {
		return token{}, fmt.Errorf("%w: it is none", ErrTokenForeign)
	}
	field := func(i int) uint64 { return binary.BigEndian.Uint64(b[1+8*i:]) }
	revision := int64(field(3)) //nolint:gosec // checked below
	if revision < 0 {
		return token{}, fmt.Errorf("%w: it is none", ErrTokenForeign)
	}
	return token{cluster: field(0), epoch: field(1), filter: field(2), revision: revision}, nil
}

// checkOrigin says how a token is not of the store and filter that want is of.
func (t token) checkOrigin(want token) error {
	switch {
	case t.cluster != want.cluster:
		return fmt.Errorf("%w: it is of another store", ErrTokenForeign)
	case t.epoch != want.epoch:
		return fmt.Errorf("%w: the store was restored since", ErrTokenForeign)
	case t.filter != want.filter:
		return fmt.Errorf("%w: it is of another filter or kind", ErrTokenForeign)
	}
	return nil
}
