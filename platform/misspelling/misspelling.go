// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package misspelling finds what a person most likely meant by a word that is none: near misses only, for a wrong guess is
// worse than none.
package misspelling

import "strings"

// Nearest is the candidate that a misspelt name most likely means; empty if none is near. Near is the same but for case
// and separators, or at most a quarter of the letters (at least one, at most three) put in, left out, changed or swapped.
func Nearest(name string, candidates []string) string {
	best, distance := "", 4
	for _, c := range candidates {
		if squash(name) == squash(c) {
			return c
		}
		if n := edits(name, c); n < distance && n <= allowedEdits(c) {
			best, distance = c, n
		}
	}
	return best
}

// Of says whether a word is a name, misspelt.
func Of(word, name string) bool {
	return word != "" && word != name && Nearest(word, []string{name}) != ""
}

func allowedEdits(s string) int { return min(max(len(s)/4, 1), 3) }

func squash(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
}

// edits is the optimal string alignment distance in bytes: Levenshtein's, with a swap of neighbours as one edit. Strings
// of more than 64 bytes are far from everything.
func edits(a, b string) int {
	const far = 64
	if len(a) > far || len(b) > far {
		return far
	}
	var before, last, row [far + 1]int
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1) //nolint:gosec // j is at least 2 here.
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
