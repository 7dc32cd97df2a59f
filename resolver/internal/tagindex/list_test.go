// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestListIsASortedSetThroughAllEdits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, universe := range []int{3, 700, 20000} {
		l, want := newList(cmp.Compare[int]), map[int]bool{}
		for _, size := range []int{1, 1, 5000, 2, 1, 300, 1, 20000, 1, 1, 9000, 40} {
			before, kept := l, slices.Collect(l.all)
			var edits []edit[int]
			for _, x := range random.Perm(universe)[:min(size, universe)] {
				remove := random.IntN(3) > 0 == (len(want) > universe/2)
				edits = append(edits, edit[int]{element: x, remove: remove})
				if remove {
					delete(want, x)
				} else {
					want[x] = true
				}
			}
			l = l.edited(edits)
			checkList(t, l, want)
			if !slices.Equal(slices.Collect(before.all), kept) {
				t.Fatal("an edit changed the list that it was made of")
			}
		}
	}
}

func checkList(t *testing.T, l *list[int], want map[int]bool) {
	t.Helper()
	sorted := make([]int, 0, len(want))
	for x := range want {
		sorted = append(sorted, x)
	}
	slices.Sort(sorted)
	if l.size != len(sorted) || !slices.Equal(slices.Collect(l.all), sorted) {
		t.Fatalf("%d elements, want %d", l.size, len(sorted))
	}
	for i, x := range sorted {
		if got := l.at(i); got != x {
			t.Fatalf("at %d: %d, want %d", i, got, x)
		}
		if got := l.search(func(y int) bool { return y < x }); got != i {
			t.Fatalf("search for %d: %d, want %d", x, got, i)
		}
	}
	for i, block := range l.blocks {
		if len(block) == 0 || len(block) > blockSize {
			t.Fatalf("block %d has %d elements", i, len(block))
		}
	}
}

func TestListDoesNotCrumble(t *testing.T) {
	l := newList(cmp.Compare[int])
	var edits []edit[int]
	for x := range 50000 {
		edits = append(edits, edit[int]{element: x})
	}
	l = l.edited(edits)
	for x := range 50000 {
		if x%500 != 0 {
			l = l.edited([]edit[int]{{element: x, remove: true}})
		}
	}
	if l.size != 100 || len(l.blocks) > 3 {
		t.Errorf("%d elements in %d blocks", l.size, len(l.blocks))
	}
}
