// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

// properties are the anchor and the tag before a node.
type properties struct {
	// first is where they begin, or -1.
	first int
	// near and column are where the first of them in line begins, the line of the last.
	near, column, line int
}

// blockNode reads the node behind an indicator (or at the beginning of a
// document), which belongs to a collection at column indent. inline: a
// collection may begin in the indicator's own line; dashes: it may be a
// sequence at column indent itself.
func (r *reader) blockNode(indent int, inline, dashes bool) int32 {
	if !r.enter() {
		return r.empty(r.pos, properties{first: -1})
	}
	defer r.leave()
	at, line := r.pos, r.line
	props := properties{first: -1, line: -1}
	for {
		r.skip()
		fresh := r.line != line
		inline = inline || fresh
		dash := dashes && r.column() == indent && r.at('-')
		if r.done() || fresh && r.column() <= indent && !dash {
			return r.empty(at, props)
		}
		if !r.property(&props) {
			break
		}
		at, line = r.pos, r.line
	}
	beside := props.line == r.line // anchor or tag in this very line
	column := r.column()
	if beside {
		column = props.column
	}
	switch {
	case r.at('-'):
		if !inline || beside {
			r.failHere("a sequence cannot begin here")
		}
		return r.blockSequence(column)
	case r.at('?'):
		if !inline || beside {
			r.failHere("a key cannot begin here")
		}
		return r.blockMapping(column, none)
	case r.peek() == '|' || r.peek() == '>':
		return r.blockScalar(indent, props)
	}
	return r.keyOrValue(indent, column, inline, props)
}

// keyOrValue reads what is either a whole node or the first key of a mapping.
func (r *reader) keyOrValue(indent, column int, inline bool, props properties) int32 {
	line := r.line
	var n int32
	if r.at(':') {
		n = r.noKey(props)
	} else {
		n = r.atom(props)
	}
	if r.err != nil {
		return n
	}
	if r.line == line && r.colon() {
		if !inline {
			r.failHere("a mapping cannot begin here")
		}
		if props.line == line { // what stands in lines before is the mapping's
			r.nodes[n].first = offset(props.near)
		} else {
			r.nodes[n].first = r.nodes[n].start
		}
		return r.blockMapping(column, n)
	}
	if r.nodes[n].kind == scalarNode && r.nodes[n].style == plainStyle {
		r.plainLines(n, indent, false)
	}
	return n
}

// noKey makes the key of no characters before a colon.
func (r *reader) noKey(props properties) int32 {
	return r.empty(r.pos, props)
}

// atom reads an alias, a quoted scalar, the first line of a plain one, or a
// collection in brackets.
func (r *reader) atom(props properties) int32 {
	switch r.peek() {
	case '*':
		return r.alias(props)
	case '"', '\'':
		return r.quoted(props, false)
	case '[', '{':
		return r.flowCollection()
	}
	return r.plain(props, false)
}

// blockMapping reads a mapping whose keys stand at a column. The first key may
// have been read with its colon.
func (r *reader) blockMapping(column int, firstKey int32) int32 {
	start := r.pos
	if firstKey != none {
		start = int(r.nodes[firstKey].start)
	}
	m := r.add(node{kind: mappingNode, start: offset(start), first: offset(start)})
	if firstKey != none {
		r.adopt(m, firstKey)
		r.adopt(m, r.blockNode(column, false, true))
	}
	for {
		r.skip()
		if r.done() || r.column() < column {
			break
		}
		if r.column() > column || r.at('-') {
			r.failHere("a key does not begin in the column of the keys before it")
			break
		}
		r.entry(m, column)
	}
	r.nodes[m].end = offset(r.last.end)
	return m
}

// entry reads one key and its value.
func (r *reader) entry(m int32, column int) {
	if r.at('?') {
		r.indicator()
		r.adopt(m, r.blockNode(column, true, true))
		r.skip()
		if !r.done() && r.column() == column && r.at(':') {
			r.indicator()
			r.adopt(m, r.blockNode(column, true, true))
			return
		}
		if r.err == nil {
			r.adopt(m, r.absent(r.last.end))
		}
		return
	}
	line, props := r.line, properties{first: -1, line: -1}
	for r.property(&props) {
		r.blanks()
	}
	var key int32
	if r.at(':') {
		key = r.noKey(props)
	} else {
		key = r.atom(props)
	}
	if r.err != nil {
		return
	}
	if r.line != line || !r.colon() {
		r.failHere("a key has no colon")
		return
	}
	r.adopt(m, key)
	r.adopt(m, r.blockNode(column, false, true))
}

// blockSequence reads a sequence whose dashes stand at a column.
func (r *reader) blockSequence(column int) int32 {
	s := r.add(node{kind: sequenceNode, start: offset(r.pos), first: offset(r.pos)})
	for r.err == nil {
		r.indicator()
		r.adopt(s, r.blockNode(column, true, false))
		r.skip()
		if r.done() || r.column() < column || r.column() == column && !r.at('-') {
			break
		}
		if r.column() > column {
			r.failHere("an item does not begin in the column of the items before it")
		}
	}
	r.nodes[s].end = offset(r.last.end)
	return s
}

// indicator goes over an indicator of one byte.
func (r *reader) indicator() {
	r.pos++
	r.mark(leadingToken, none)
}

// colon goes over a colon in the same line that makes what is before it a key.
func (r *reader) colon() bool {
	at := r.pos
	r.blanks()
	if r.at(':') {
		r.indicator()
		return true
	}
	r.pos = at
	return false
}

// property goes over an anchor or a tag.
func (r *reader) property(props *properties) bool {
	c := r.peek()
	if c != '&' && c != '!' {
		return false
	}
	if props.first < 0 {
		props.first = r.pos
	}
	if props.line != r.line {
		props.near, props.line, props.column = r.pos, r.line, r.column()
	}
	r.pos = propertyEnd(r.src, r.pos)
	r.mark(leadingToken, none)
	return true
}

// propertyEnd returns the offset behind the anchor or tag that begins at an offset.
func propertyEnd(src []byte, at int) int {
	anchor := src[at] == '&'
	verbatim := at+1 < len(src) && src[at+1] == '<'
	for at++; at < len(src); at++ {
		switch b := src[at]; {
		case b == ' ', b == '\t', b == '\n', b == '\r', anchor && !wordByte(b):
			return at
		case !verbatim && (b == ',' || b == '[' || b == ']' || b == '{' || b == '}'):
			return at
		}
	}
	return at
}

// empty makes the null of no characters.
func (r *reader) empty(at int, props properties) int32 {
	first := at
	if props.first >= 0 {
		first = props.first
	}
	return r.add(node{style: emptyStyle, start: offset(at), end: offset(at), first: offset(first)})
}

// absent makes the null of no characters and no indicator.
func (r *reader) absent(at int) int32 {
	n := r.empty(at, properties{first: -1})
	r.nodes[n].absent = true
	return n
}

func (r *reader) enter() bool {
	r.depth++
	if r.depth > maxDepth {
		r.fail(r.pos, ErrTooComplex, "it is nested too deeply")
		return false
	}
	return true
}

func (r *reader) leave() { r.depth-- }

// offset makes an offset small; files are at most maxOffset bytes long.
func offset(at int) int32 {
	return int32(at) //nolint:gosec // bounded by maxOffset
}
