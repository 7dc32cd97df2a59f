// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package diff makes unified diffs of manifests and of files with edited values: short texts, or long ones whose lines stay
// where they are. Of long texts where lines come or go, all from the first difference to the last is one hunk,
// which is right and no shorter than need be.
package diff

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// absent is the name of a file that is not there.
const absent = "/dev/null"

// around is how many lines that stay are shown before and after a change.
const around = 3

// Unified is the difference between two versions of a file as `git diff` prints it; empty where there is none. The path
// has slashes. A nil version says that there is no such file.
func Unified(path string, before, after []byte) string {
	if bytes.Equal(before, after) {
		return ""
	}
	a, b := lines(before), lines(after)
	var text strings.Builder
	from, to := quoted("a/"+path), quoted("b/"+path)
	fmt.Fprintf(&text, "diff --git %s %s\n", from, to)
	switch {
	case before == nil:
		from = absent
		text.WriteString("new file mode 100644\n")
	case after == nil:
		to = absent
		text.WriteString("deleted file mode 100644\n")
	}
	fmt.Fprintf(&text, "--- %s\n+++ %s\n", from, to)
	for _, h := range hunks(changes(a, b), len(a)) {
		h.write(&text, a, b)
	}
	return text.String()
}

// change replaces the lines [a0, a1) of the old version by the lines [b0, b1) of the new one.
type change struct{ a0, a1, b0, b1 int }

// lines are the lines with what ends them.
func lines(data []byte) []string {
	var all []string
	for line := range bytes.Lines(data) {
		all = append(all, string(line))
	}
	return all
}

// changes are the fewest where the texts are short. Long ones are compared line by line; where the numbers of lines differ,
// all but the equal beginning and end is one change.
func changes(a, b []string) []change {
	begin, end := 0, 0
	for begin < min(len(a), len(b)) && a[begin] == b[begin] {
		begin++
	}
	for end < min(len(a), len(b))-begin && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	if (len(a)-begin-end)*(len(b)-begin-end) <= maxTable {
		all := fewest(a[begin:len(a)-end], b[begin:len(b)-end])
		for i := range all {
			all[i].a0, all[i].a1, all[i].b0, all[i].b1 = all[i].a0+begin, all[i].a1+begin, all[i].b0+begin, all[i].b1+begin
		}
		return all
	}
	if len(a) == len(b) {
		var all []change
		for i := range a {
			switch {
			case a[i] == b[i]:
			case len(all) > 0 && all[len(all)-1].a1 == i:
				all[len(all)-1].a1, all[len(all)-1].b1 = i+1, i+1
			default:
				all = append(all, change{i, i + 1, i, i + 1})
			}
		}
		return all
	}
	return []change{{begin, len(a) - end, begin, len(b) - end}}
}

// hunk is changes that are shown together.
type hunk struct {
	changes []change
	// before and after are how many lines that stay are shown around them.
	before, after int
}

// hunks joins changes that are so near that the lines around them meet.
func hunks(all []change, length int) []hunk {
	var joined []hunk
	for _, c := range all {
		if n := len(joined); n > 0 {
			last := &joined[n-1]
			if c.a0-last.changes[len(last.changes)-1].a1 <= 2*around {
				last.changes = append(last.changes, c)
				continue
			}
		}
		joined = append(joined, hunk{changes: []change{c}, before: min(around, c.a0)})
	}
	for i := range joined {
		h := &joined[i]
		h.after = min(around, length-h.changes[len(h.changes)-1].a1)
	}
	return joined
}

func (h hunk) write(text *strings.Builder, a, b []string) {
	first, last := h.changes[0], h.changes[len(h.changes)-1]
	fmt.Fprintf(text, "@@ -%s +%s @@\n",
		span(first.a0-h.before, last.a1+h.after), span(first.b0-h.before, last.b1+h.after))
	at := first.a0 - h.before
	for _, c := range h.changes {
		put(text, ' ', a[at:c.a0])
		put(text, '-', a[c.a0:c.a1])
		put(text, '+', b[c.b0:c.b1])
		at = c.a1
	}
	put(text, ' ', a[at:at+h.after])
}

// span is lines [from, to), counted from 0, as a hunk's head has them: the first, from 1, and how many.
func span(from, to int) string {
	switch to - from {
	case 0:
		return strconv.Itoa(from) + ",0"
	case 1:
		return strconv.Itoa(from + 1)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

func put(text *strings.Builder, sign byte, lines []string) {
	for _, line := range lines {
		text.WriteByte(sign)
		text.WriteString(line)
		if !strings.HasSuffix(line, "\n") {
			text.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// quoted is a path as git writes it: in quotes where it has characters that would end or disturb the line.
func quoted(path string) string {
	for _, r := range path {
		if r < ' ' || r == '"' || r == '\\' || r == 0x7f {
			return strconv.Quote(path)
		}
	}
	return path
}
