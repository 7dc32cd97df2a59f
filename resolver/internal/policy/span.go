// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"sort"
	"strings"
)

// span is a range of keys or ranks: lo <= key < hi.
type span struct{ lo, hi string }

// above is higher than every rank, and after a class's byte, than every key of the class.
const above = "\xff"

// everything is the span of all keys of an ordering that knows no range.
func everything() []span {
	return []span{{lo: string([]byte{classOrdered}), hi: string([]byte{classOrdered + 1})}}
}

// after is the lowest string above s.
func after(s string) string { return s + "\x00" }

// contains reports whether the key is in one of the spans, which are sorted and disjoint.
func contains(spans []span, key []byte) bool {
	i := sort.Search(len(spans), func(i int) bool { return string(key) < spans[i].lo })
	return i > 0 && string(key) < spans[i-1].hi
}

// intersect returns what is in both; both are sorted and disjoint, and so is the result.
func intersect(a, b []span) []span {
	var both []span
	for len(a) > 0 && len(b) > 0 {
		s := span{lo: max(a[0].lo, b[0].lo), hi: min(a[0].hi, b[0].hi)}
		if s.lo < s.hi {
			both = append(both, s)
		}
		if a[0].hi < b[0].hi {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

// union returns what is in any of the spans, sorted and disjoint. It reorders what it is given.
func union(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return strings.Compare(a.lo, b.lo) })
	var all []span
	for _, s := range spans {
		if last := len(all) - 1; last >= 0 && s.lo <= all[last].hi {
			all[last].hi = max(all[last].hi, s.hi)
		} else {
			all = append(all, s)
		}
	}
	return all
}

// without returns all ranks but those of the hole.
func without(hole span) []span {
	return []span{{lo: "", hi: hole.lo}, {lo: hole.hi, hi: above}}
}
