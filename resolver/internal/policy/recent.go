// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Moment is a time that makes a tag recent, and how much it is worth: any of a higher rank is later.
type Moment struct {
	Rank int
	Time time.Time
}

// SortRecent puts entries of a policy that orders by time (see Policy.Recent) in order, the latest first: by the moments,
// among equal ones by version, what is none behind what is one, then by bytes, the largest first.
func SortRecent(entries []Entry, moment func(tag string) Moment) {
	type dated struct {
		Entry
		Moment
	}
	sorted := make([]dated, len(entries))
	for i, e := range entries {
		sorted[i] = dated{e, moment(e.Tag)}
	}
	slices.SortFunc(sorted, func(a, b dated) int {
		return cmp.Or(cmp.Compare(b.Rank, a.Rank), b.Time.Compare(a.Time),
			strings.Compare(timeless(b.Key), timeless(a.Key)), strings.Compare(b.Tag, a.Tag))
	})
	for i, d := range sorted {
		entries[i] = d.Entry
	}
}

// timeless is what of a key of appendTimeKey follows the time.
func timeless(key string) string {
	head := 2
	if len(key) > 1 && key[1] == ageKnown {
		head = 2 + 8 + 4
	}
	return key[min(head, len(key)):]
}
