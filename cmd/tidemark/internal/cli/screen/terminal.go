// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package screen draws on a terminal in place: a whole screen that is kept up to date ([Screen]), or one line below what is
// written for good ([Line]). It draws only where a person looks ([Of]); what goes into a file or a pipe is written plainly, by
// others. What it is given it takes as lines, and makes them safe and short; colours are its own.
package screen

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// The size of a terminal that does not say its own.
const (
	defaultColumns = 80
	defaultRows    = 24
)

// Of is the terminal that out is; nil: it is none, or one that cannot be drawn on.
func Of(out io.Writer, getenv func(string) string) *os.File {
	file, ok := out.(*os.File)
	if !ok || getenv("TERM") == "dumb" || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return file
}

// size is a terminal's.
func size(file *os.File) (columns, rows int) {
	columns, rows, err := term.GetSize(int(file.Fd()))
	if err != nil || columns <= 0 || rows <= 0 {
		return defaultColumns, defaultRows
	}
	return columns, rows
}

// Text is one line of a screen in one colour; empty: the terminal's own.
type Text struct {
	Text   string
	Colour terminal.Colour
}

// fit cuts text to so many columns, and says with an ellipsis that it did.
func fit(text string, columns int) string {
	if columns <= 0 {
		return ""
	}
	text = terminal.Clean(text)
	if Columns(text) <= columns {
		return text
	}
	var b strings.Builder
	for used, left := 0, text; ; {
		r := []rune(left)[0]
		if used += columnsOf(r); used > columns-1 {
			return b.String() + "…"
		}
		b.WriteRune(r)
		left = left[len(string(r)):]
	}
}

// Columns is how many columns of a terminal text takes.
func Columns(text string) int {
	n := 0
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	case width.Neutral, width.EastAsianAmbiguous, width.EastAsianNarrow, width.EastAsianHalfwidth:
	}
	return 1
}
