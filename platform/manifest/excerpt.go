// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// maxShownSource is how many cells of a terminal a line takes up at most.
const maxShownSource = 120

// window cuts a line to what fits a terminal, around the column, and says behind how many cells the caret stands; -1: it
// stands nowhere. A tab is shown as one blank, so that the caret is right whatever a terminal makes of tabs.
func window(line excerpt, column int) (text string, caret int) {
	runes := []rune(printable(strings.TrimRight(line.text, " \t")))
	at := min(column-1-line.skipped, len(runes))
	start, end := cut(runes, max(at, 0))
	if start+line.skipped > 0 {
		text = "…"
	}
	caret = -1
	if at >= 0 {
		caret = cellsOf(text) + cellsOf(string(runes[start:at]))
	}
	text += string(runes[start:end])
	if end < len(runes) {
		text += "…"
	}
	return text, caret
}

// cut chooses the characters around one of them that are shown: all if they fit, else as many as fit with a mark of the
// cut at each end, half of them before the one.
func cut(runes []rune, at int) (start, end int) {
	if cellsOf(string(runes)) <= maxShownSource {
		return 0, len(runes)
	}
	room := maxShownSource - 2
	start, end = at, at
	for start > 0 && room-cells(runes[start-1]) >= maxShownSource/2 {
		start--
		room -= cells(runes[start])
	}
	for end < len(runes) && room >= cells(runes[end]) {
		room -= cells(runes[end])
		end++
	}
	for start > 0 && room >= cells(runes[start-1]) {
		start--
		room -= cells(runes[start])
	}
	return start, end
}

func cellsOf(s string) (n int) {
	for _, r := range s {
		n += cells(r)
	}
	return n
}

// cells is how much of a terminal's line a character takes up: none for an accent that joins the letter before, two for
// the wide ones of East Asia and for emoji.
func cells(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}
