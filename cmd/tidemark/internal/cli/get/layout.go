// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"maps"
	"slices"
	"time"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/screen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// layout is the board on a terminal of so many lines. Rows that do not fit are counted.
func (b *board) layout(rows int, now time.Time) []screen.Text {
	var footer []screen.Text
	if b.away != "" {
		footer = []screen.Text{{Text: "◎ " + b.away, Colour: b.colour(terminal.Yellow)}}
	}
	var ready []*sheet
	wanted := []int{}
	overhead := len(footer)
	for _, s := range b.tables {
		if s.ready {
			ready = append(ready, s)
			wanted = append(wanted, len(s.rows))
			overhead += 2 // the header, and a blank line
		}
	}
	given := share(wanted, rows-overhead+1)
	var lines []screen.Text
	for i, s := range ready {
		if i > 0 {
			lines = append(lines, screen.Text{})
		}
		lines = append(lines, b.sheet(s, given[i], now)...)
	}
	if most := rows - len(footer); len(lines) > most && most > 0 {
		lines = append(lines[:most-1], screen.Text{Text: "… the terminal is too small for the rest", Colour: b.colour(terminal.Faint)})
	}
	return append(lines, footer...)
}

// share gives each table its lines: a line for each in turn until all have what they want, or none is left.
func share(wanted []int, lines int) []int {
	given := make([]int, len(wanted))
	for more := true; more && lines > 0; {
		more = false
		for i := range wanted {
			if given[i] < wanted[i] && lines > 0 {
				given[i]++
				lines--
				more = true
			}
		}
	}
	return given
}

// sheet is one table in at most so many lines below its header.
func (b *board) sheet(s *sheet, most int, now time.Time) []screen.Text {
	keys, hidden := s.keys(), 0
	if len(keys) > most {
		shown := max(most-1, 0) // the last line counts the rest
		keys, hidden = keys[:shown], len(keys)-shown
	}
	cells := append(make([][]string, 0, 1+len(keys)), s.header)
	for _, key := range keys {
		cells = append(cells, s.rows[key].cells)
	}
	var lines []screen.Text
	for i, line := range table.Aligned(cells) {
		switch {
		case i > 0:
			lines = append(lines, screen.Text{Text: line, Colour: b.colour(s.rows[keys[i-1]].colour(now))})
		case !s.noHeader:
			lines = append(lines, screen.Text{Text: line})
		}
	}
	if hidden > 0 {
		lines = append(lines, screen.Text{Text: "… " + terminal.Count(hidden, "more row"), Colour: b.colour(terminal.Faint)})
	}
	return lines
}

// keys are the rows' keys in their order.
func (s *sheet) keys() []string { return slices.Sorted(maps.Keys(s.rows)) }

// colour tells what just changed, and what is going.
func (e *entry) colour(now time.Time) terminal.Colour {
	switch {
	case !e.deleted.IsZero():
		return terminal.Red
	case now.Sub(e.changed) < marked:
		return terminal.Bold
	default:
		return ""
	}
}

func (b *board) colour(c terminal.Colour) terminal.Colour {
	if b.colours {
		return c
	}
	return ""
}
