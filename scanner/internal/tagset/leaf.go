// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

// sizes say when chunks are split and merged, in bytes before compression.
type sizes struct {
	most  int // a larger chunk is split
	fill  int // how full split and merged chunks are at most
	least int // a chunk that shrank below is merged with a neighbour
}

// defaultSizes leave room: a chunk takes a quarter more tags before it is
// split, and a split one may lose half of them before it is merged. With some
// ten bytes for a tag a full chunk has 25,000, and is some 100 KiB compressed.
func defaultSizes() sizes {
	return sizes{most: MaxChunkBytes / 2, fill: MaxChunkBytes * 3 / 8, least: MaxChunkBytes / 8}
}

// leaf is a chunk in the making: either one that stays as it is, known by its
// ref, or entries to be written.
type leaf struct {
	ref     ChunkRef
	entries []Entry // nil: ref stays
	shrank  bool
}

// Chunk is a chunk to be stored under its ref's id.
type Chunk struct {
	Ref   ChunkRef
	Bytes []byte
}

func bodySize(entries []Entry) int {
	var b body
	for _, e := range entries {
		b.add(e)
	}
	return b.size()
}

// pack encodes entries as one chunk.
func pack(entries []Entry) (Chunk, error) {
	var b body
	for _, e := range entries {
		b.add(e)
	}
	id, stored, err := b.encode()
	if err != nil {
		return Chunk{}, err
	}
	return Chunk{ChunkRef{ID: id, First: entries[0].Tag, Entries: len(entries), Bytes: len(stored)}, stored}, nil
}

// split cuts entries that are too large for one chunk into equal parts.
func (s sizes) split(entries []Entry) [][]Entry {
	size := bodySize(entries)
	if size <= s.most {
		return [][]Entry{entries}
	}
	count := (size + s.fill - 1) / s.fill
	var parts [][]Entry
	var b body
	begin := 0
	for i, e := range entries {
		// The last part takes what the others leave, so that no scrap is left.
		if b.add(e); b.size() >= size/count && len(parts) < count-1 {
			parts = append(parts, entries[begin:i+1])
			begin, b = i+1, body{}
		}
	}
	if begin == len(entries) {
		return parts
	}
	return append(parts, entries[begin:])
}

// rebalance splits what has become too large and merges what has become too
// small with a neighbour. load reads a neighbour that stays as it is.
func (s sizes) rebalance(leaves []leaf, load func(ChunkRef) ([]Entry, error)) ([]leaf, error) {
	merged, err := s.merge(leaves, load)
	if err != nil {
		return nil, err
	}
	var balanced []leaf
	for _, l := range merged {
		if l.entries == nil {
			balanced = append(balanced, l)
			continue
		}
		for _, part := range s.split(l.entries) {
			balanced = append(balanced, leaf{entries: part})
		}
	}
	return balanced, nil
}

// merge goes from left to right: a leaf that lost entries and is small now
// joins the one before it or the one behind it, if both fit into one.
func (s sizes) merge(leaves []leaf, load func(ChunkRef) ([]Entry, error)) ([]leaf, error) {
	var merged []leaf
	for _, l := range leaves {
		if l.entries != nil && len(l.entries) == 0 {
			continue
		}
		last := len(merged) - 1
		if last < 0 || !s.small(l) && !s.small(merged[last]) {
			merged = append(merged, l)
			continue
		}
		joined, err := join(merged[last], l, load)
		if err != nil {
			return nil, err
		}
		if bodySize(joined) > s.fill {
			merged = append(merged, l)
			continue
		}
		merged[last] = leaf{entries: joined, shrank: true}
	}
	return merged, nil
}

func (s sizes) small(l leaf) bool {
	return l.shrank && l.entries != nil && bodySize(l.entries) < s.least
}

func join(a, b leaf, load func(ChunkRef) ([]Entry, error)) ([]Entry, error) {
	var joined []Entry
	for _, l := range []leaf{a, b} {
		entries := l.entries
		if entries == nil {
			var err error
			if entries, err = load(l.ref); err != nil {
				return nil, err
			}
		}
		joined = append(joined, entries...)
	}
	return joined, nil
}
