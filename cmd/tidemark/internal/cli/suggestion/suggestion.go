// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package suggestion finds what a person most likely meant by a word that is none: a command, a flag, a flag's value. It
// suggests near misses only: a wrong guess is worse than the list of what there is.
package suggestion

import (
	"fmt"
	"strings"
)

// Nearest is the candidate that a misspelt word most likely means; empty: none is near. Near is the same but for case, `-` and
// `_`, or with a quarter of its letters (at least one, at most three) put in, left out, changed or swapped. A word shorter
// than three letters is near to nothing but itself.
func Nearest(word string, candidates []string) string {
	best, distance := "", 4
	for _, c := range candidates {
		if squash(word) == squash(c) {
			return c
		}
		if min(len(word), len(c)) < 3 {
			continue
		}
		if n := edits(word, c); n < distance && n <= min(max(len(c)/4, 1), 3) {
			best, distance = c, n
		}
	}
	return best
}

// Beginning is the one candidate that begins with the word; empty: none or several do.
func Beginning(word string, candidates []string) string {
	found := ""
	for _, c := range candidates {
		if len(word) < 2 || !strings.HasPrefix(c, word) {
			continue
		}
		if found != "" {
			return ""
		}
		found = c
	}
	return found
}

// Value is nil where a word is one of those that a flag takes; else the error says which they are and which one is near.
func Value(flag, word string, among ...string) error {
	quoted := make([]string, len(among))
	for i, one := range among {
		if word == one {
			return nil
		}
		quoted[i] = fmt.Sprintf("%q", one)
	}
	err := fmt.Errorf("%s must be one of [%s], not %q", flag, strings.Join(quoted, ", "), word)
	if near := Nearest(word, among); near != "" {
		return fmt.Errorf("%w; did you mean %s?", err, near)
	}
	if begun := Beginning(strings.ToLower(word), among); begun != "" {
		return fmt.Errorf("%w; did you mean %s?", err, begun)
	}
	for _, one := range among {
		if len(one) >= 3 && strings.HasPrefix(strings.ToLower(word), one) {
			return fmt.Errorf("%w; did you mean %s?", err, one) // `ascending` is written out
		}
	}
	return err
}

func squash(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
}

// longest is how many bytes a word may have to be near to another.
const longest = 64

// edits is how many letters are put in, left out, changed, or swapped with their neighbour: the optimal string alignment
// distance (Boytsov, Indexing methods for approximate dictionary searching, 2011), of bytes.
func edits(a, b string) int {
	if len(a) > longest || len(b) > longest {
		return longest
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
