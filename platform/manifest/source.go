// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source is a file's text in lines, kept so that a complaint that comes later, from a server, can show its line.
type source struct {
	name  string
	lines [][]byte     // with their line ends
	long  atomic.Int64 // how many more characters of long lines may be looked at
}

type position struct{ line, column int }

var byteOrderMark = []byte("\uFEFF")

// newSource cuts data into lines where YAML does: at LF, CR LF and a lone CR.
func newSource(name string, data []byte) *source {
	s := &source{name: name, lines: make([][]byte, 0, bytes.Count(data, []byte{'\n'})+1)}
	for len(data) > 0 {
		end := bytes.IndexAny(data, "\r\n")
		switch {
		case end < 0:
			end = len(data)
		case data[end] == '\r' && end+1 < len(data) && data[end+1] == '\n':
			end += 2
		default:
			end++
		}
		s.lines = append(s.lines, data[:end:end])
		data = data[end:]
	}
	s.long.Store(maxLongLines)
	return s
}

// excerpt is the text of a line, as much of it as errors may need.
type excerpt struct {
	text    string
	skipped int // characters of the line before text
}

// excerpt is the line of a place without its end; of a long one what is around the place. It is empty where there is no
// such line, and for places far inside of long ones when many were looked for already.
func (s *source) excerpt(at position) excerpt {
	if s == nil || at.line < 1 || at.line > len(s.lines) {
		return excerpt{}
	}
	line := bytes.TrimPrefix(bytes.TrimRight(s.lines[at.line-1], "\r\n"), byteOrderMark)
	if len(line) <= maxLine {
		return excerpt{text: string(line)}
	}
	first := max(0, at.column-1-maxShownSource)
	if s.long.Load() < 0 || s.long.Add(-int64(first)) < 0 {
		return excerpt{}
	}
	start := bytesOf(line, first)
	rest := line[start:]
	return excerpt{text: string(rest[:bytesOf(rest, 3*maxShownSource)]), skipped: first}
}

// bytesOf is how many bytes the first n characters of a line take up.
func bytesOf(line []byte, n int) (size int) {
	for ; n > 0 && size < len(line); n-- {
		_, width := utf8.DecodeRune(line[size:])
		size += width
	}
	return size
}

// chunk is one document's lines.
type chunk struct {
	first int // the first line, from 1
	lines [][]byte
	text  []byte
}

// chunks cuts the file where a line begins with `---` or after one that begins with `...`. YAML allows neither inside any
// scalar, so that a document that does not parse cannot take its neighbours with it. Documents of nothing but comments
// are left out.
func (s *source) chunks() []chunk {
	var out []chunk
	start, content, marked := 0, false, false
	flush := func(end int) {
		if content {
			c := chunk{first: start + 1, lines: s.lines[start:end], text: bytes.Join(s.lines[start:end], nil)}
			if bytes.HasPrefix(c.text, []byte("%YAML ")) {
				// The parser refuses to read 1.2, which it can.
				c.text[0] = '#'
			}
			out = append(out, c)
		}
		start, content, marked = end, false, false
	}
	for i, line := range s.lines {
		line = bytes.TrimPrefix(line, byteOrderMark)
		switch {
		case isMarker(line, "---"):
			if content || marked {
				flush(i)
			}
			marked = true
			content = len(bytes.TrimSpace(withoutComment(line[3:]))) > 0
		case isMarker(line, "..."):
			flush(i + 1)
		case len(line) > 0 && line[0] == '%' && !content && !marked:
			// A directive belongs to the document that follows.
		default:
			content = content || len(bytes.TrimSpace(withoutComment(line))) > 0
		}
	}
	flush(len(s.lines))
	return out
}

func isMarker(line []byte, marker string) bool {
	return bytes.HasPrefix(line, []byte(marker)) && (len(line) == 3 || bytes.IndexByte([]byte(" \t\r\n"), line[3]) >= 0)
}

// withoutComment is nothing for a line that is a comment only, otherwise the line.
func withoutComment(line []byte) []byte {
	if t := bytes.TrimLeft(line, " \t"); len(t) > 0 && t[0] == '#' {
		return nil
	}
	return line
}

// looksSecret finds a document that is a Secret by its looks, as one that does not parse cannot be asked.
var looksSecret = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\bSecret\b|(?i:\bkind["']?\s*:\s*(?:[!&]\S*\s+)*["']?secret)`)
})

// holdsSecret finds the kind Secret anywhere in a document, however it is spelled: a list may hold one, on the same line
// as its neighbours.
func holdsSecret(n *yaml.Node) bool {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		key, value := deref(n.Content[i]), deref(n.Content[i+1])
		if key.Value == "kind" && value.Kind == yaml.ScalarNode && strings.HasPrefix(strings.ToLower(value.Value), "secret") {
			return true
		}
	}
	return slices.ContainsFunc(n.Content, holdsSecret)
}

// unprintable finds the first byte that is no UTF-8, or the first character that YAML forbids.
func (c chunk) unprintable() (at position, invalid, found bool) {
	for i, line := range c.lines {
		column := 0
		for len(line) > 0 {
			column++
			r, size := utf8.DecodeRune(line)
			if r == utf8.RuneError && size == 1 {
				return position{c.first + i, column}, true, true
			}
			if forbidden(r) {
				return position{c.first + i, column}, false, true
			}
			line = line[size:]
		}
	}
	return position{}, false, false
}

func forbidden(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r', r == 0x85, r == 0xFEFF:
		return false
	case r < 0x20, r >= 0x7F && r < 0xA0, r == 0xFFFE, r == 0xFFFF:
		return true
	}
	return false
}

// values is an upper bound of the values in a document, cheap enough to take before parsing: each stands on a line of
// its own or behind one of these characters.
func (c chunk) values() int {
	n := len(c.lines)
	for i, b := range c.text {
		switch b {
		case ',', '[', '{', '?':
			n++
		case ' ':
			if i > 0 && c.text[i-1] == '-' {
				n++
			}
		}
	}
	return n
}
