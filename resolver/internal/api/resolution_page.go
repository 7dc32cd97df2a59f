// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	explained "github.com/tidemark-io/tidemark/resolver/internal/explain"
)

// subject tells one explanation from another: the request, the tags' repository and revision, and when it was made. Of
// tags that came with the request only the request is set.
type subject struct {
	request, uid     uint64
	revision, moment int64
}

// place is where a page begins. As a token it is base64url of: version (1 byte), the subject's four fields (8 bytes each),
// the offset (4 bytes), and a CRC-32 over all that. The checksum is against mistakes: a forged token shows nothing that
// its maker may not see.
type place struct {
	subject
	offset int
}

const (
	placeVersion = 1
	placeSize    = 1 + 4*8 + 4 + 4
)

// String writes the token.
func (p place) String() string {
	b := binary.BigEndian.AppendUint64([]byte{placeVersion}, p.request)
	b = binary.BigEndian.AppendUint64(b, p.uid)
	b = binary.BigEndian.AppendUint64(b, uint64(p.revision))                    //nolint:gosec // read back as it is
	b = binary.BigEndian.AppendUint64(b, uint64(p.moment))                      //nolint:gosec // read back as it is
	b = binary.BigEndian.AppendUint32(b, uint32(min(p.offset, math.MaxUint32))) //nolint:gosec // not negative
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}

// parsePlace reads a token of a request; empty: the first page's place. The error is a *rpcerr.Error.
func parsePlace(token string, req *resolverv1.ResolveRequest) (place, error) {
	request, err := requestHash(req)
	if err != nil {
		return place{}, err
	}
	if token == "" {
		return place{subject: subject{request: request}}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(token) != base64.RawURLEncoding.EncodedLen(placeSize) || len(b) != placeSize || b[0] != placeVersion ||
		crc32.ChecksumIEEE(b[:placeSize-4]) != binary.BigEndian.Uint32(b[placeSize-4:]) {
		return place{}, rpcerr.Field("pageToken", "is no page token: leave it empty for the first page")
	}
	field := func(i int) uint64 { return binary.BigEndian.Uint64(b[1+8*i:]) }
	p := place{
		subject: subject{request: field(0), uid: field(1), revision: int64(field(2)), moment: int64(field(3))}, //nolint:gosec // written so
		offset:  int(binary.BigEndian.Uint32(b[33:])),
	}
	if p.request != request {
		return place{}, rpcerr.Field("pageToken", "is of another request: leave it empty for the first page")
	}
	if (p.revision > 0) == (req.GetTagList() != nil) {
		return place{}, rpcerr.Field("pageToken", "is no page token: leave it empty for the first page")
	}
	return p, nil
}

func requestHash(req *resolverv1.ResolveRequest) (uint64, error) {
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return 0, fmt.Errorf("hashing the request: %w", err)
	}
	return hashOf(string(wire)), nil
}

func hashOf(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}

// The shelf's bounds: half a million verdicts take about 60 MB with their tags.
const (
	maxShelved      = 16
	maxShelvedLines = 500_000
)

// shelf keeps the last few explanations whose pages are being turned, so that the next page costs no more than its size,
// and is of the same tags though these have changed meanwhile. What falls off is made again while the tags are the same.
type shelf struct {
	mu    sync.Mutex
	books []book // the last used last
}

type book struct {
	subject
	*explained.Explanation
}

func newShelf() *shelf { return &shelf{} }

// take returns an explanation that is there.
func (s *shelf) take(of subject) (*explained.Explanation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.books, func(b book) bool { return b.subject == of })
	if i < 0 {
		return nil, false
	}
	found := s.books[i]
	s.books = append(slices.Delete(s.books, i, i+1), found)
	return found.Explanation, true
}

// put keeps an explanation, at the cost of those that were not used the longest.
func (s *shelf) put(of subject, e *explained.Explanation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books = slices.DeleteFunc(s.books, func(b book) bool { return b.subject == of })
	s.books = append(s.books, book{subject: of, Explanation: e})
	lines := 0
	for i, b := range slices.Backward(s.books) {
		if lines += b.Len(); lines > maxShelvedLines || len(s.books)-i > maxShelved {
			s.books = slices.Delete(s.books, 0, i+1)
			return
		}
	}
}
