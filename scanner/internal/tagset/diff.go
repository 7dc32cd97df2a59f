// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

// Diff is what leads from one head to another of the same object. It reads only
// the chunks that are not in both: an entry of a chunk that is in both is in no
// other chunk of either. The chunks of the old head must still be readable
// (etcd keeps them at the old revision until it is compacted). Errors are
// ErrCorrupt and those of read.
func Diff(from, to Head, read Reader) (Delta, error) {
	before, err := entriesOf(only(from.Chunks, to.Chunks), read)
	if err != nil {
		return Delta{}, err
	}
	after, err := entriesOf(only(to.Chunks, from.Chunks), read)
	if err != nil {
		return Delta{}, err
	}
	var delta Delta
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Tag < after[0].Tag:
			delta.note(before[0], Entry{})
			before = before[1:]
		case len(before) == 0 || after[0].Tag < before[0].Tag:
			delta.note(Entry{}, after[0])
			after = after[1:]
		default:
			delta.note(before[0], after[0])
			before, after = before[1:], after[1:]
		}
	}
	return delta, nil
}

// only are the refs that are not among the others.
func only(refs, others []ChunkRef) []ChunkRef {
	known := make(map[string]bool, len(others))
	for _, ref := range others {
		known[ref.ID] = true
	}
	var left []ChunkRef
	for _, ref := range refs {
		if !known[ref.ID] {
			left = append(left, ref)
		}
	}
	return left
}

func entriesOf(refs []ChunkRef, read Reader) ([]Entry, error) {
	var all []Entry
	for entries, err := range chunks(refs, read) {
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}
