// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"time"
)

const (
	headVersion = 1
	maxTold     = 100
	maxHead     = 1 << 20 // bytes; 4,000 chunks, some 100 million tags
)

// Head is the small part of a set, and all that a watcher needs to know that
// something happened. The zero value is the set before its first scan.
type Head struct {
	// UID is that of the object whose set this is.
	UID string `json:"uid"`
	// Image is the image as written when its tags were listed. Merge leaves it
	// as it was: the caller, who knows what was listed, sets it.
	Image string `json:"image"`
	// Revision is Flux's checksum of the visible tags; see Revision.
	Revision string `json:"revision"`
	// Listed is the same checksum over everything the registry listed.
	Listed string `json:"listed"`
	// Count is the number of visible tags, Total of those listed (excluded ones
	// too), Gone of those vanished and still remembered.
	Count int `json:"count"`
	Total int `json:"total"`
	Gone  int `json:"gone,omitempty"`
	// Expires is when the first vanished tag may be forgotten; zero: never.
	Expires time.Time `json:"expires,omitzero"`
	// Exclusions is the list that the set was made with.
	Exclusions []string `json:"exclusions,omitempty"`
	// ScanStarted and ScanFinished are those of the last complete scan.
	ScanStarted  time.Time `json:"scanStarted"`
	ScanFinished time.Time `json:"scanFinished"`
	// TraceParent and TraceState are the trace of the scan that last changed
	// the set (W3C trace context); empty without one.
	TraceParent string `json:"traceParent,omitempty"`
	TraceState  string `json:"traceState,omitempty"`
	// Latest are the ten newest visible tags, newest first; see NewestFirst.
	Latest []string `json:"latest,omitempty"`
	// Vanished are visible tags that the change before this head took away,
	// Moved those whose digest it changed; each in byte order and at most
	// maxTold. VanishedCount counts all of them.
	Vanished      []string `json:"vanished,omitempty"`
	VanishedCount int      `json:"vanishedCount,omitempty"`
	Moved         []string `json:"moved,omitempty"`
	// Chunks hold the entries, in the order of the tags.
	Chunks []ChunkRef `json:"chunks,omitempty"`
}

// ChunkRef points to a chunk.
type ChunkRef struct {
	// ID is 32 hex digits made of the chunk's content.
	ID string `json:"id"`
	// First is its first tag. The chunk holds every entry from there up to the
	// next chunk's first.
	First string `json:"first"`
	// Entries is their number, Bytes the stored size.
	Entries int `json:"entries"`
	Bytes   int `json:"bytes"`
}

// Encode is the stored form.
func (h Head) Encode() ([]byte, error) {
	encoded, err := json.Marshal(struct {
		Version int `json:"v"`
		Head
	}{headVersion, h})
	if err != nil {
		return nil, fmt.Errorf("encode the head of a tag set: %w", err)
	}
	return encoded, nil
}

// DecodeHead reads a stored head. Errors are ErrCorrupt.
func DecodeHead(stored []byte) (Head, error) {
	if len(stored) > maxHead {
		return Head{}, fmt.Errorf("%w: the head is larger than %d bytes", ErrCorrupt, maxHead)
	}
	var decoded struct {
		Version int `json:"v"`
		Head
	}
	if err := json.Unmarshal(stored, &decoded); err != nil {
		return Head{}, fmt.Errorf("%w: head: %w", ErrCorrupt, err)
	}
	if decoded.Version != headVersion {
		return Head{}, fmt.Errorf("%w: no head of version %d", ErrCorrupt, headVersion)
	}
	if !ordered(decoded.Chunks) {
		return Head{}, fmt.Errorf("%w: the head's chunks are not in order", ErrCorrupt)
	}
	return decoded.Head, nil
}

func ordered(refs []ChunkRef) bool {
	previous := ""
	for _, ref := range refs {
		if id, err := hex.DecodeString(ref.ID); err != nil || len(id) != 16 {
			return false
		}
		if !ValidTag(ref.First) || ref.First <= previous || ref.Entries <= 0 || ref.Bytes <= 0 {
			return false
		}
		previous = ref.First
	}
	return true
}

// Reader fetches stored chunks by their ids; a missing one may be left out.
type Reader func(ids []string) (map[string][]byte, error)

// readAtOnce is how many chunks are asked for together.
const readAtOnce = 16

// chunks reads and checks the chunks of refs, in order.
func chunks(refs []ChunkRef, read Reader) iter.Seq2[[]Entry, error] {
	return func(yield func([]Entry, error) bool) {
		for len(refs) > 0 {
			batch := refs[:min(readAtOnce, len(refs))]
			refs = refs[len(batch):]
			ids := make([]string, len(batch))
			for i, ref := range batch {
				ids[i] = ref.ID
			}
			stored, err := read(ids)
			if err != nil {
				yield(nil, fmt.Errorf("read the chunks of a tag set: %w", err))
				return
			}
			for _, ref := range batch {
				entries, err := ref.decode(stored[ref.ID])
				if !yield(entries, err) || err != nil {
					return
				}
			}
		}
	}
}

func (r ChunkRef) decode(stored []byte) ([]Entry, error) {
	if stored == nil {
		return nil, fmt.Errorf("%w: chunk %s is missing", ErrCorrupt, r.ID)
	}
	id, entries, err := decodeChunk(stored)
	if err != nil {
		return nil, fmt.Errorf("chunk %s: %w", r.ID, err)
	}
	if id != r.ID || len(entries) == 0 || len(entries) != r.Entries || entries[0].Tag != r.First {
		return nil, fmt.Errorf("%w: chunk %s holds something else", ErrCorrupt, r.ID)
	}
	return entries, nil
}

// Entries reads the whole set in the order of the tags: visible, excluded and
// vanished ones. It ends with the first error.
func (h Head) Entries(read Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for entries, err := range chunks(h.Chunks, read) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}
