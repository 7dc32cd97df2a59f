// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package diff shows unified diffs; package diff of the updater makes them.
package diff

import (
	"fmt"
	"io"
	"strings"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// Show writes a diff: to a file or a program byte for byte, so that it can be applied; to a terminal without what a
// terminal would obey, and in git's colours where they are wanted.
func Show(out io.Writer, text string, getenv func(string) string) error {
	if terminal.Is(out) {
		text = readable(text, terminal.Colours(out, getenv))
	}
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("write the diff: %w", err)
	}
	return nil
}

// readable is a diff for a terminal.
func readable(text string, colours bool) string {
	var b strings.Builder
	head := true
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "diff "):
			head = true
		case strings.HasPrefix(line, "@@ "):
			head = false
		}
		cells := strings.Split(strings.TrimSuffix(line, "\r"), "\t")
		for i, cell := range cells {
			cells[i] = terminal.Clean(cell)
		}
		line = strings.Join(cells, "\t")
		if colours {
			line = colourOf(line, head).Paint(line)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// colourOf is git's colour of a line; head: of those before a file's first hunk.
func colourOf(line string, head bool) terminal.Colour {
	switch {
	case head:
		return terminal.Bold
	case strings.HasPrefix(line, "@@ "):
		return terminal.Cyan
	case strings.HasPrefix(line, "-"):
		return terminal.Red
	case strings.HasPrefix(line, "+"):
		return terminal.Green
	}
	return ""
}
