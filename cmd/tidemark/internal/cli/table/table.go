// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package table lays out rows as flux does: columns padded to their widest cell, a tab after each, headers in upper
// case. It knows nothing of objects; what it prints is made safe for a terminal.
package table

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// Table writes rows under a header. Rows that are written later keep the columns of the earlier ones where they fit.
type Table struct {
	out    io.Writer
	header []string
	widths []int
	// headed: the header is written, or not wanted.
	headed bool
}

// New makes a Table over out. Without a header only rows are written, and they are laid out by themselves.
func New(out io.Writer, header []string, noHeader bool) *Table {
	t := &Table{out: out, header: header, widths: make([]int, len(header)), headed: noHeader}
	if !noHeader {
		t.fit(header)
	}
	return t
}

// Write writes rows, each with as many cells as the header has; before the first ones the header.
func (t *Table) Write(rows [][]string) error {
	for _, row := range rows {
		t.fit(row)
	}
	if !t.headed {
		t.headed = true
		if err := t.line(t.header); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if err := t.line(row); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) fit(row []string) {
	for i, cell := range row {
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(terminal.Clean(cell)))
	}
}

// line writes one row. The last column is not padded: a long message in one row would widen all the others.
func (t *Table) line(row []string) error {
	var b strings.Builder
	for i, cell := range row {
		cell = terminal.Clean(cell)
		b.WriteString(cell)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(cell)))
			b.WriteByte('\t')
		}
	}
	b.WriteByte('\n')
	if _, err := io.WriteString(t.out, b.String()); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}
