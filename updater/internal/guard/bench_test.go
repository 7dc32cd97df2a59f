// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package guard_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/tidemark-io/tidemark/updater/internal/guard"
)

// BenchmarkJudge is 1,000 edits of one policy, at places that were written 50 times each.
func BenchmarkJudge(b *testing.B) {
	var steps []string
	for i := range 50 {
		steps = append(steps, fmt.Sprintf("%d>%d@@c%d", i, i+1, i))
	}
	h := past{writes: map[guard.Place][]guard.Write{}}
	var edits []guard.Edit
	for i := range 1000 {
		e := tag("tag"+strconv.Itoa(i), "50", "51")
		h.writes[e.Place] = chain(steps...)
		edits = append(edits, e)
	}
	g := guard.New(&numbers{})
	q := question(h, &branch{}, edits...)
	for b.Loop() {
		if held, err := g.Judge(b.Context(), q); err != nil || len(held) != 0 {
			b.Fatal(held, err)
		}
	}
}
