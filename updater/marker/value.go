// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// value returns what a scalar means, as a string.
func (r *reader) value(n int32) string {
	if s, ok := r.simple(n); ok {
		return string(s)
	}
	nd := &r.nodes[n]
	switch nd.style {
	case literalStyle, foldedStyle:
		return r.blockValue(nd)
	case singleStyle, doubleStyle:
		return fold(r.src[nd.start+1:nd.end-1], nd.style)
	case plainStyle, emptyStyle:
	}
	return fold(r.src[nd.start:nd.end], plainStyle)
}

// simple returns the bytes of a scalar that mean themselves.
func (r *reader) simple(n int32) ([]byte, bool) {
	nd := &r.nodes[n]
	switch {
	case nd.folds || nd.style == literalStyle || nd.style == foldedStyle:
		return nil, false
	case nd.style == singleStyle || nd.style == doubleStyle:
		return r.src[nd.start+1 : nd.end-1], true
	}
	return r.src[nd.start:nd.end], true
}

// means reports whether a scalar's value is s.
func means[T string | []byte](r *reader, n int32, s T) bool {
	if b, ok := r.simple(n); ok {
		return string(b) == string(s)
	}
	return r.value(n) == string(s)
}

// fold joins the lines of a plain or quoted scalar and replaces its escapes:
// a line break becomes a blank, each further one stays, blanks around go.
func fold(src []byte, style scalarStyle) string {
	var out, blanks []byte
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == ' ' || c == '\t':
			blanks = append(blanks, c)
			i++
		case c == '\n' || c == '\r':
			blanks = blanks[:0]
			var lines int
			i, lines = breaks(src, i)
			if lines == 1 {
				out = append(out, ' ')
			}
			out = append(out, strings.Repeat("\n", lines-1)...)
		case c == '\\' && style == doubleStyle:
			out = append(out, blanks...)
			blanks = blanks[:0]
			out, i = escape(out, src, i+1)
		default:
			out = append(out, blanks...)
			blanks = blanks[:0]
			out = append(out, c)
			i++
			if c == '\'' && style == singleStyle {
				i++
			}
		}
	}
	return string(append(out, blanks...))
}

// breaks counts the line breaks at i, and returns the offset of what follows
// them and their blanks.
func breaks(src []byte, i int) (int, int) {
	lines := 0
	for i < len(src) {
		switch src[i] {
		case '\n', '\r':
			i += breakLen(src[i:])
			lines++
		case ' ', '\t':
			i++
		default:
			return i, lines
		}
	}
	return i, lines
}

var escapes = map[byte]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f",
	'r': "\r", 'e': "\x1b", ' ': " ", '"': `"`, '\'': "'", '/': "/", '\\': `\`,
	'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
}

// escape appends what the escape means whose letter stands at i.
func escape(out, src []byte, i int) ([]byte, int) {
	if i >= len(src) {
		return out, i
	}
	var width int
	switch src[i] {
	case '\n', '\r':
		next, lines := breaks(src, i)
		return append(out, strings.Repeat("\n", lines-1)...), next
	case 'x':
		width = 2
	case 'u':
		width = 4
	case 'U':
		width = 8
	default:
		return append(out, escapes[src[i]]...), i + 1
	}
	i++
	end := min(i+width, len(src))
	code, err := strconv.ParseInt(string(src[i:end]), 16, 64)
	if err != nil || code < 0 || code > utf8.MaxRune {
		code = utf8.RuneError
	}
	return utf8.AppendRune(out, rune(code)), end //nolint:gosec // within a rune's bounds, as just made sure
}

// blockValue returns the text of a block scalar.
func (r *reader) blockValue(nd *node) string {
	var out []byte
	held, lines := false, 0 // a line break not yet written; empty lines after it
	wasIndented, first := false, true
	text := r.src[nd.body:r.blockEnd(nd)]
	for len(text) > 0 {
		line, rest := cutLine(text)
		broken := len(line) < len(text)
		text = rest
		line = line[min(leadingSpaces(line), int(nd.indent)):]
		if len(line) == 0 {
			if broken {
				lines++
			}
			continue
		}
		indented := line[0] == ' ' || line[0] == '\t'
		switch {
		case first || !held:
		case nd.style == literalStyle || wasIndented || indented:
			out = append(out, '\n')
		case lines == 0:
			out = append(out, ' ')
		}
		out = append(out, strings.Repeat("\n", lines)...)
		out = append(out, line...)
		first, held, lines, wasIndented = false, broken, 0, indented
	}
	if held && nd.chomp != '-' {
		out = append(out, '\n')
	}
	if nd.chomp == '+' {
		out = append(out, strings.Repeat("\n", lines)...)
	}
	return string(out)
}

// blockEnd returns the offset behind the empty lines at the end of a block scalar.
func (r *reader) blockEnd(nd *node) int {
	at := int(nd.end)
	for at < len(r.src) {
		start := at
		for at < len(r.src) && r.src[at] == ' ' && (start == int(nd.end) || at-start < int(nd.indent)) {
			at++
		}
		if at >= len(r.src) {
			return at
		}
		if c := r.src[at]; c != '\n' && c != '\r' {
			return start
		}
		at += breakLen(r.src[at:])
	}
	return at
}

// cutLine splits off the first line, without its break.
func cutLine(text []byte) (line, rest []byte) {
	end := bytes.IndexAny(text, "\r\n")
	if end < 0 {
		return text, nil
	}
	return text[:end], text[end+breakLen(text[end:]):]
}
