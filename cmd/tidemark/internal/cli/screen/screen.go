// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package screen

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Control sequences that all terminals of today know.
const (
	enter = "\x1b[?1049h\x1b[?25l\x1b[?7l" // the other screen, no cursor, no wrapping
	leave = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	wipe  = "\x1b[2J"
	// restOfLine and restOfScreen are erased from the cursor on.
	restOfLine   = "\x1b[K"
	restOfScreen = "\x1b[J"
)

// Screen is a terminal's other screen, as editors and pagers use it: what was there before comes back at its end. It writes what
// changed, at once, so that nothing flickers. One goroutine uses it.
type Screen struct {
	file    *os.File
	begun   bool
	columns int
	rows    int
	shown   []Text
}

// New makes a Screen of a terminal. Nothing is written before the first [Screen.Draw].
func New(file *os.File) *Screen { return &Screen{file: file} }

// Size is the terminal's, now.
func (s *Screen) Size() (columns, rows int) { return size(s.file) }

// Draw shows lines, from the top; those beyond the terminal's height or width are cut.
func (s *Screen) Draw(lines []Text) error {
	columns, rows := s.Size()
	var b strings.Builder
	if !s.begun {
		s.begun = true
		b.WriteString(enter)
	}
	if columns != s.columns || rows != s.rows {
		// After a resize terminals differ in what they keep: all is drawn anew.
		s.columns, s.rows, s.shown = columns, rows, nil
		b.WriteString(wipe)
	}
	lines = slices.Clone(lines[:min(len(lines), rows)])
	for i, line := range lines {
		lines[i].Text = fit(line.Text, columns)
		if i >= len(s.shown) || s.shown[i] != lines[i] {
			b.WriteString(at(i) + line.Colour.Paint(lines[i].Text))
			if Columns(lines[i].Text) < columns {
				b.WriteString(restOfLine)
			}
		}
	}
	if len(lines) < len(s.shown) {
		b.WriteString(at(len(lines)) + restOfScreen)
	}
	s.shown = lines
	return s.write(b.String())
}

// Close gives the terminal back as it was.
func (s *Screen) Close() error {
	if !s.begun {
		return nil
	}
	s.begun, s.shown, s.columns = false, nil, 0
	return s.write(leave)
}

// at moves the cursor to the beginning of a line, which are counted from 0.
func at(line int) string { return "\x1b[" + strconv.Itoa(line+1) + ";1H" }

func (s *Screen) write(text string) error {
	if text == "" {
		return nil
	}
	if _, err := s.file.WriteString(text); err != nil {
		return fmt.Errorf("draw on the terminal: %w", err)
	}
	return nil
}
