// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// MaxChunkBytes bounds a stored chunk. The bound is on the bytes before
// compression; what does not become smaller is stored as it is.
const MaxChunkBytes = 512 << 10

// ErrCorrupt marks stored bytes that are no chunk or no head, or not the ones
// that were asked for.
var ErrCorrupt = errors.New("corrupt tag set")

// A chunk is two bytes (format version, compression) and a body:
//
//	count                     uvarint
//	tags, for each            uvarint bytes shared with the tag before,
//	                          uvarint further bytes, those bytes
//	facts, for each           flags; where the flags say so: varint ms since the
//	                          first-seen time before, varint ms from there until
//	                          it vanished, 32 bytes of sha256 or uvarint length
//	                          and the digest as text
//
// The columns are apart because each compresses best among its own kind: the
// tags of a scan have one first-seen time, which costs a flag.
const (
	chunkVersion  = 1
	chunkStored   = 0
	chunkZstd     = 1
	chunkEnvelope = 2
	maxCountBytes = 10
)

// Flags of an entry.
const (
	flagInitial byte = 1 << iota
	flagExcluded
	flagVanished
	flagSHA256
	flagDigest
	flagOtherTime
)

const (
	digestPrefix = "sha256:"
	maxDigest    = 256 // bytes of a digest as text
	minTime      = -62135596800000
	maxTime      = 253402300799999 // the year 9999, in ms
)

// body builds the columns of a chunk.
type body struct {
	count       int
	tags, facts []byte
	tag         string
	seen        int64
}

// size is an upper bound of the body's bytes.
func (b *body) size() int { return maxCountBytes + len(b.tags) + len(b.facts) }

func (b *body) add(e Entry) {
	shared := sharedPrefix(b.tag, e.Tag)
	b.tags = binary.AppendUvarint(b.tags, uint64(shared))            //nolint:gosec // Not negative.
	b.tags = binary.AppendUvarint(b.tags, uint64(len(e.Tag)-shared)) //nolint:gosec // Not negative.
	b.tags = append(b.tags, e.Tag[shared:]...)
	b.addFacts(e)
	b.tag = e.Tag
	b.count++
}

func (b *body) addFacts(e Entry) {
	seen, digest := e.FirstSeen.UnixMilli(), digestBytes(e.Digest)
	b.facts = append(b.facts, flags(e, seen != b.seen, digest != nil))
	if seen != b.seen {
		b.facts = binary.AppendVarint(b.facts, seen-b.seen)
	}
	if !e.Present() {
		b.facts = binary.AppendVarint(b.facts, e.Vanished.UnixMilli()-seen)
	}
	switch {
	case digest != nil:
		b.facts = append(b.facts, digest...)
	case e.Digest != "":
		b.facts = binary.AppendUvarint(b.facts, uint64(len(e.Digest)))
		b.facts = append(b.facts, e.Digest...)
	}
	b.seen = seen
}

func flags(e Entry, otherTime, sha bool) byte {
	var f byte
	for _, flag := range []struct {
		set bool
		bit byte
	}{
		{e.Initial, flagInitial},
		{e.Excluded, flagExcluded},
		{!e.Present(), flagVanished},
		{sha, flagSHA256},
		{!sha && e.Digest != "", flagDigest},
		{otherTime, flagOtherTime},
	} {
		if flag.set {
			f |= flag.bit
		}
	}
	return f
}

// digestBytes is a sha256 digest in binary; nil for every other text.
func digestBytes(digest string) []byte {
	text, found := strings.CutPrefix(digest, digestPrefix)
	if !found || len(text) != 2*sha256.Size || strings.ToLower(text) != text {
		return nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil
	}
	return raw
}

func sharedPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// encode is the stored form and the id, which is made of the content before
// compression.
func (b *body) encode() (id string, stored []byte, err error) {
	raw := binary.AppendUvarint(make([]byte, 0, b.size()), uint64(b.count)) //nolint:gosec // Not negative.
	raw = append(append(raw, b.tags...), b.facts...)
	packed, err := compress([]byte{chunkVersion, chunkZstd}, raw)
	if err != nil {
		return "", nil, err
	}
	if len(packed) >= len(raw)+chunkEnvelope {
		packed = append([]byte{chunkVersion, chunkStored}, raw...)
	}
	return contentID(raw), packed, nil
}

func contentID(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// decodeChunk reads a stored chunk of any origin: at most MaxChunkBytes come
// out of the compression, and the tags are valid and in order. Errors are
// ErrCorrupt.
func decodeChunk(stored []byte) (id string, entries []Entry, err error) {
	if len(stored) < chunkEnvelope || len(stored) > MaxChunkBytes+chunkEnvelope || stored[0] != chunkVersion {
		return "", nil, fmt.Errorf("%w: no chunk of version %d", ErrCorrupt, chunkVersion)
	}
	raw := stored[chunkEnvelope:]
	switch stored[1] {
	case chunkStored:
	case chunkZstd:
		if raw, err = decompress(raw); err != nil {
			return "", nil, err
		}
	default:
		return "", nil, fmt.Errorf("%w: unknown compression", ErrCorrupt)
	}
	r := &reader{rest: raw}
	count := r.uvarint()
	// An entry takes at least three bytes in the tags and one in the facts.
	if r.bad || count > uint64(len(r.rest)/4) {
		return "", nil, fmt.Errorf("%w: more entries than bytes", ErrCorrupt)
	}
	entries = make([]Entry, count)
	r.tags(entries)
	r.facts(entries)
	if r.bad || len(r.rest) > 0 {
		return "", nil, fmt.Errorf("%w: the entries cannot be read", ErrCorrupt)
	}
	return contentID(raw), entries, nil
}

// reader takes a body apart; once something is bad, it stays so.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) tags(entries []Entry) {
	previous := ""
	for i := range entries {
		shared, further := r.uvarint(), r.uvarint()
		if shared > uint64(len(previous)) || further > MaxTagLength {
			r.bad = true
		}
		suffix := r.bytes(further)
		if r.bad {
			return
		}
		tag := previous[:shared] + string(suffix)
		if !ValidTag(tag) || tag <= previous {
			r.bad = true
			return
		}
		entries[i].Tag, previous = tag, tag
	}
}

func (r *reader) facts(entries []Entry) {
	var seen int64
	for i := range entries {
		e := &entries[i]
		f := r.byte()
		e.Initial, e.Excluded = f&flagInitial != 0, f&flagExcluded != 0
		if f&flagOtherTime != 0 {
			seen = r.time(seen)
		}
		e.FirstSeen = time.UnixMilli(seen).UTC()
		if f&flagVanished != 0 {
			e.Vanished = time.UnixMilli(r.time(seen)).UTC()
		}
		switch {
		case f&flagSHA256 != 0:
			e.Digest = digestPrefix + hex.EncodeToString(r.bytes(sha256.Size))
		case f&flagDigest != 0:
			e.Digest = string(r.bytes(min(r.uvarint(), maxDigest+1)))
		}
		if r.bad = r.bad || len(e.Digest) > maxDigest || f >= flagOtherTime<<1; r.bad {
			return
		}
	}
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// time reads a time that is told as the distance from another one.
func (r *reader) time(from int64) int64 {
	distance, n := binary.Varint(r.rest)
	if n <= 0 || distance > math.MaxInt64/2 || distance < math.MinInt64/2 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	t := from + distance
	if t < minTime || t > maxTime {
		r.bad = true
		return 0
	}
	return t
}

func (r *reader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte {
	if one := r.bytes(1); one != nil {
		return one[0]
	}
	return 0
}
