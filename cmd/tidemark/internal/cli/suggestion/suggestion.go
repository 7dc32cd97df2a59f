// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package suggestion finds what a person most likely meant by a word that is none: a command, a flag, a flag's value. It
// suggests near misses only: a wrong guess is worse than the list of what there is.
package suggestion

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-io/tidemark/platform/misspelling"
)

// Nearest is the candidate that a misspelt word most likely means; empty: none is near. A word shorter than three letters is
// near to nothing but itself.
func Nearest(word string, candidates []string) string {
	long := slices.DeleteFunc(slices.Clone(candidates), func(c string) bool {
		return min(len(word), len(c)) < 3 && !strings.EqualFold(word, c)
	})
	return misspelling.Nearest(word, long)
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
