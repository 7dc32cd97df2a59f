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
	for _, b := range r.benchmarks {
		fmt.Fprintf(&text, "\n## %s\n\n%s\n\n", b.name, b.pkg)
		rows := append(make([][2]string, 0, 1+len(b.units)), [2]string{"metric", "value"})
		for _, unit := range b.units {
			rows = append(rows, [2]string{unit, summary(b.values[unit])})
		}
		table(&text, rows)
	}
	if _, err := io.WriteString(out, text.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func table(text *strings.Builder, rows [][2]string) {
	var widths [2]int
	for _, row := range rows {
		widths = [2]int{max(widths[0], len(row[0])), max(widths[1], len(row[1]))}
	}
	for i, row := range rows {
		fmt.Fprintf(text, "| %-*s | %*s |\n", widths[0], row[0], widths[1], row[1])
		if i == 0 {
			fmt.Fprintf(text, "| %s | %s: |\n", strings.Repeat("-", widths[0]), strings.Repeat("-", widths[1]-1))
		}
	}
}

// summary is the one value, or the median of several with the least and the greatest.
func summary(values []float64) string {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	median := (sorted[(n-1)/2] + sorted[n/2]) / 2
	if n == 1 {
		return figure(median)
	}
	return fmt.Sprintf("%s (%s to %s)", figure(median), figure(sorted[0]), figure(sorted[n-1]))
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
