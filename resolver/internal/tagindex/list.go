// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import (
	"slices"
	"sort"
)

const (
	blockSize = 512
	// splitSize leaves room to grow in the blocks that a full one is split into.
	splitSize = blockSize * 3 / 4
	// mergeSize is the size up to which two neighbours are made one.
	mergeSize = blockSize / 2
)

// list is a sorted set of elements. It is immutable: edit makes another one that shares the blocks that are the same.
type list[T any] struct {
	compare func(a, b T) int
	blocks  [][]T // none is empty
	starts  []int // the position of each block's first element
	size    int
}

func newList[T any](compare func(a, b T) int) *list[T] { return &list[T]{compare: compare} }

// at returns the element at a position.
func (l *list[T]) at(i int) T {
	b := sort.Search(len(l.starts), func(b int) bool { return l.starts[b] > i }) - 1
	return l.blocks[b][i-l.starts[b]]
}

// search returns the number of elements for which before holds; it must hold for all up to some position, and for none
// from there on.
func (l *list[T]) search(before func(T) bool) int {
	b := sort.Search(len(l.blocks), func(b int) bool { return !before(l.blocks[b][0]) }) - 1
	if b < 0 {
		return 0
	}
	block := l.blocks[b]
	return l.starts[b] + sort.Search(len(block), func(i int) bool { return !before(block[i]) })
}

// find returns the element that compares equal to x.
func (l *list[T]) find(x T) (T, bool) {
	if i := l.search(func(y T) bool { return l.compare(y, x) < 0 }); i < l.size {
		if y := l.at(i); l.compare(y, x) == 0 {
			return y, true
		}
	}
	var none T
	return none, false
}

// all calls yield for each element in order.
func (l *list[T]) all(yield func(T) bool) {
	for _, block := range l.blocks {
		for _, x := range block {
			if !yield(x) {
				return
			}
		}
	}
}

// edit is a change of a list: an element that goes, or one that comes or replaces its equal.
type edit[T any] struct {
	element T
	remove  bool
}

// edited returns the list with the edits made. There is at most one for each element, in any order; removing what is not
// there does nothing. It sorts what it is given.
func (l *list[T]) edited(edits []edit[T]) *list[T] {
	if len(edits) == 0 {
		return l
	}
	slices.SortFunc(edits, func(a, b edit[T]) int { return l.compare(a.element, b.element) })
	next := &list[T]{compare: l.compare, blocks: make([][]T, 0, len(l.blocks)+1)}
	done := 0 // blocks
	for len(edits) > 0 {
		b := max(done, l.blockOf(edits[0].element))
		next.blocks = append(next.blocks, l.blocks[done:min(b, len(l.blocks))]...)
		var block []T
		here := len(edits)
		if b < len(l.blocks) {
			block = l.blocks[b]
			if b+1 < len(l.blocks) {
				first := l.blocks[b+1][0]
				here = sort.Search(len(edits), func(i int) bool { return l.compare(edits[i].element, first) >= 0 })
			}
		}
		next.add(l.merge(block, edits[:here]))
		edits, done = edits[here:], b+1
	}
	if done < len(l.blocks) {
		next.blocks = append(next.blocks, l.blocks[done:]...)
	}
	next.count()
	return next
}

// blockOf returns the block that holds x or would hold it.
func (l *list[T]) blockOf(x T) int {
	after := sort.Search(len(l.blocks), func(b int) bool { return l.compare(l.blocks[b][0], x) > 0 })
	return max(0, after-1)
}

// merge makes one run of a block and sorted edits.
func (l *list[T]) merge(block []T, edits []edit[T]) []T {
	merged := make([]T, 0, len(block)+len(edits))
	for _, e := range edits {
		i := sort.Search(len(block), func(i int) bool { return l.compare(block[i], e.element) >= 0 })
		merged = append(merged, block[:i]...)
		block = block[i:]
		if len(block) > 0 && l.compare(block[0], e.element) == 0 {
			block = block[1:]
		}
		if !e.remove {
			merged = append(merged, e.element)
		}
	}
	return append(merged, block...)
}

// add appends a run as blocks of good size.
func (l *list[T]) add(run []T) {
	if last := len(l.blocks) - 1; last >= 0 && len(l.blocks[last])+len(run) <= mergeSize {
		l.blocks[last] = slices.Concat(l.blocks[last], run)
		return
	}
	if len(run) == 0 {
		return
	}
	if len(run) <= blockSize {
		l.blocks = append(l.blocks, run)
		return
	}
	parts := (len(run) + splitSize - 1) / splitSize
	for i := range parts {
		// Each has memory of its own, so that one that stays does not keep the others.
		l.blocks = append(l.blocks, slices.Clone(run[i*len(run)/parts:(i+1)*len(run)/parts]))
	}
}

// count fills in what follows from the blocks.
func (l *list[T]) count() {
	l.starts = make([]int, len(l.blocks))
	for i, block := range l.blocks {
		l.starts[i] = l.size
		l.size += len(block)
	}
}
