// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import "bytes"

// begin makes the node of a scalar that starts here.
func (r *reader) begin(kind nodeKind, style scalarStyle, props properties, flow bool) int32 {
	first := r.pos
	if props.first >= 0 {
		first = props.first
	}
	return r.add(node{
		kind: kind, style: style, flow: flow,
		start: offset(r.pos), end: offset(r.pos), first: offset(first),
	})
}

// alias reads *name.
func (r *reader) alias(props properties) int32 {
	n := r.begin(aliasNode, plainStyle, props, false)
	r.pos++
	for r.pos < len(r.src) && wordByte(r.src[r.pos]) {
		r.pos++
	}
	r.nodes[n].end = offset(r.pos)
	r.mark(aliasToken, n)
	return n
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '_' || c == '-' || c >= 0x80
}

// quoted reads a scalar in single or double quotes.
func (r *reader) quoted(props properties, flow bool) int32 {
	quote, style := r.src[r.pos], doubleStyle
	if quote == '\'' {
		style = singleStyle
	}
	n := r.begin(scalarNode, style, props, flow)
	r.pos++
	for {
		if r.done() {
			r.fail(int(r.nodes[n].start), ErrNotYAML, "a quoted value is not closed")
			return n
		}
		switch c := r.src[r.pos]; {
		case c == '\n' || c == '\r':
			r.nodes[n].folds = true
			r.newline()
		case c == '\\' && style == doubleStyle:
			r.nodes[n].folds = true
			r.pos++
			if r.pos < len(r.src) && r.src[r.pos] != '\n' && r.src[r.pos] != '\r' {
				r.pos++
			}
		case c == quote && style == singleStyle && r.pos+1 < len(r.src) && r.src[r.pos+1] == quote:
			r.nodes[n].folds = true
			r.pos += 2
		case c == quote:
			r.pos++
			r.nodes[n].end = offset(r.pos)
			r.mark(valueToken, n)
			return n
		default:
			r.pos++
		}
	}
}

// plain reads the first line of a scalar without quotes.
func (r *reader) plain(props properties, flow bool) int32 {
	n := r.begin(scalarNode, plainStyle, props, flow)
	switch c := r.peek(); c {
	case ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		r.failHere("a value cannot begin with " + string(rune(c)))
	case '-', '?', ':':
		if r.blankAt(r.pos+1) || c != '-' && flow {
			r.failHere("a value cannot begin with " + string(rune(c)))
		}
	}
	r.plainLine(n, flow)
	return n
}

// plainLine reads as much of a plain scalar as stands in this line.
func (r *reader) plainLine(n int32, flow bool) {
	end := r.pos
scan:
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; c {
		case '\n', '\r':
			break scan
		case ' ', '\t':
			r.pos++
			continue
		case ':':
			if r.blankAt(r.pos + 1) {
				break scan
			}
		case '#':
			if r.pos > end || r.pos == r.lineStart {
				break scan
			}
		case ',', '[', ']', '{', '}', '?':
			if flow {
				break scan
			}
		}
		r.pos++
		end = r.pos
	}
	r.pos = end
	r.nodes[n].end = offset(end)
	r.mark(valueToken, n)
}

// plainLines reads the further lines of a plain scalar, which stand right of
// column indent.
func (r *reader) plainLines(n int32, indent int, flow bool) {
	for {
		at, line, start := r.pos, r.line, r.lineStart
		for r.pos < len(r.src) && r.blankAt(r.pos) {
			if c := r.src[r.pos]; c == '\n' || c == '\r' {
				r.newline()
			} else {
				r.pos++
			}
		}
		if r.line == line || r.done() || !flow && r.column() <= indent || r.plainStops(flow) {
			r.pos, r.line, r.lineStart = at, line, start
			return
		}
		r.nodes[n].folds = true
		r.plainLine(n, flow)
	}
}

// plainStops reports whether a line does not go on with a plain scalar.
func (r *reader) plainStops(flow bool) bool {
	switch c := r.src[r.pos]; c {
	case '#':
		return true
	case ',', '[', ']', '{', '}', '?':
		return flow
	case ':':
		return r.blankAt(r.pos + 1)
	}
	return false
}

// blockScalar reads a scalar after | or >.
func (r *reader) blockScalar(indent int, props properties) int32 {
	style := literalStyle
	if r.src[r.pos] == '>' {
		style = foldedStyle
	}
	n := r.begin(scalarNode, style, props, false)
	r.pos++
	base := r.blockHeader(n, indent)
	r.mark(valueToken, n)
	r.blanks()
	if r.peek() == '#' && r.pos > r.last.end {
		r.comment()
	}
	if r.pos < len(r.src) {
		if c := r.src[r.pos]; c != '\n' && c != '\r' {
			r.failHere("text follows the header of a block of text")
			return n
		}
		r.newline()
	}
	if base == 0 {
		base = r.blockIndent(indent)
	}
	r.nodes[n].body, r.nodes[n].indent = offset(r.pos), offset(base)
	r.blockLines(n, base)
	return n
}

// blockHeader reads chomping and indentation indicators. It returns the
// column of the text if it is given, else 0.
func (r *reader) blockHeader(n int32, indent int) int {
	base := 0
	for range 2 {
		switch c := r.peek(); {
		case c == '-' || c == '+':
			r.nodes[n].chomp = c
		case c >= '1' && c <= '9':
			base = max(indent, 0) + int(c-'0')
		default:
			return base
		}
		r.pos++
	}
	return base
}

// blockIndent finds the column of the text: that of its first line, or of an
// empty line before it with more blanks.
func (r *reader) blockIndent(indent int) int {
	widest := 0
	for at := r.pos; at < len(r.src); {
		width := leadingSpaces(r.src[at:])
		widest = max(widest, width)
		at += width
		if at >= len(r.src) || r.src[at] != '\n' && r.src[at] != '\r' {
			break
		}
		at += breakLen(r.src[at:])
	}
	return max(widest, indent+1, 1)
}

// blockLines goes over the lines of a block of text.
func (r *reader) blockLines(n int32, base int) {
	r.nodes[n].end = r.nodes[n].body
	for r.pos < len(r.src) {
		width := min(leadingSpaces(r.src[r.pos:]), base)
		at := r.pos + width
		if at >= len(r.src) {
			r.pos = at
			break
		}
		if c := r.src[at]; c == '\n' || c == '\r' {
			r.pos = at
			r.newline()
			continue
		}
		if width < base {
			return
		}
		r.toLineEnd()
		r.nodes[n].end = offset(r.pos)
		if r.pos < len(r.src) {
			r.newline()
		}
	}
}

func leadingSpaces(b []byte) int {
	return len(b) - len(bytes.TrimLeft(b, " "))
}

func breakLen(b []byte) int {
	if len(b) > 1 && b[0] == '\r' && b[1] == '\n' {
		return 2
	}
	return 1
}
