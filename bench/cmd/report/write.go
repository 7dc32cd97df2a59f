// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// write writes the results as Markdown.
func (r *results) write(out io.Writer) error {
	var text strings.Builder
	if len(r.machine) > 0 {
		fmt.Fprintf(&text, "%s\n", strings.Join(r.machine, ", "))
	}
	section := ""
	for _, b := range r.benchmarks {
		if b.pkg != section || section == "" {
			section = b.pkg
			fmt.Fprintf(&text, "\n## %s\n\n%s\n", b.area(), b.pkg)
		}
		fmt.Fprintf(&text, "\n### %s\n\n", b.name)
		table(&text, b.rows())
	}
	if _, err := io.WriteString(out, text.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// area is what a benchmark is about: a folder of bench, or the service whose own benchmark it is.
func (b *benchmark) area() string {
	_, path, found := strings.Cut(b.pkg, "/tidemark/")
	if !found {
		path = b.pkg
	}
	return strings.TrimSuffix(strings.TrimPrefix(path, "bench/"), "/internal/benchmarks")
}

// rows are the benchmark's metrics under a line of titles; goals have a column where there are any.
func (b *benchmark) rows() [][]string {
	rows := make([][]string, 0, 1+len(b.units))
	rows = append(rows, []string{"metric", "value"})
	for _, unit := range b.units {
		rows = append(rows, []string{unit, summary(b.values[unit])})
	}
	goals := b.goals()
	if len(goals) == 0 {
		return rows
	}
	rows[0] = append(rows[0], "goal")
	for i, unit := range b.units {
		text := ""
		if g, ok := goals[unit]; ok {
			text = g.judge(median(b.values[unit]))
		}
		rows[i+1] = append(rows[i+1], text)
	}
	return rows
}

// table writes rows of as many columns as the first has; the second has figures.
func table(text *strings.Builder, rows [][]string) {
	const figures = 1
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for i, row := range rows {
		line, rule := "|", "|"
		for column, cell := range row {
			width := widths[column]
			if column == figures {
				line += fmt.Sprintf(" %*s |", width, cell)
				rule += " " + strings.Repeat("-", width-1) + ": |"
				continue
			}
			line += fmt.Sprintf(" %-*s |", width, cell)
			rule += " " + strings.Repeat("-", width) + " |"
		}
		text.WriteString(line + "\n")
		if i == 0 {
			text.WriteString(rule + "\n")
		}
	}
}

// summary is the one value, or the median of several with the least and the greatest.
func summary(values []float64) string {
	if len(values) == 1 {
		return figure(values[0])
	}
	return fmt.Sprintf("%s (%s to %s)", figure(median(values)), figure(slices.Min(values)), figure(slices.Max(values)))
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// figure writes a value with three digits that count, or all before the point, in groups of three.
func figure(value float64) string {
	if size := math.Abs(value); size < 100 {
		return strconv.FormatFloat(value, 'g', 3, 64)
	}
	digits := strconv.FormatFloat(math.Abs(value), 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if value < 0 {
		return "-" + digits
	}
	return digits
}
