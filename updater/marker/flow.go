// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

// flowCollection reads [a, b] or {a: b}.
func (r *reader) flowCollection() int32 {
	kind, closing := sequenceNode, byte(']')
	if r.src[r.pos] == '{' {
		kind, closing = mappingNode, '}'
		if r.pos+1 < len(r.src) && r.src[r.pos+1] == '{' {
			r.fail(r.pos, ErrTemplate, "{{ stands where a value begins")
		}
	}
	n := r.add(node{kind: kind, flow: true, start: offset(r.pos), first: offset(r.pos)})
	if r.err != nil || !r.enter() {
		return n
	}
	defer r.leave()
	r.indicator()
	for {
		r.skip()
		if r.flowEnds() {
			break
		}
		if r.src[r.pos] == closing {
			r.pos++
			r.mark(closeToken, n)
			break
		}
		r.flowEntry(n)
		r.skip()
		if r.flowEnds() {
			break
		}
		if r.src[r.pos] == ',' {
			r.comma()
		} else if r.src[r.pos] != closing {
			r.failHere("a comma is missing between two items in brackets")
		}
	}
	r.nodes[n].end = offset(r.pos)
	return n
}

// flowEnds reports, as a failure, that the document ends within brackets.
func (r *reader) flowEnds() bool {
	if r.done() {
		r.failHere("a bracket is not closed")
		return true
	}
	return false
}

// comma goes over a comma. A comment behind it belongs to the scalar before it.
func (r *reader) comma() {
	before := r.last
	r.pos++
	if before.line == r.line && before.kind != leadingToken {
		r.mark(before.kind, before.node)
		return
	}
	r.mark(commaToken, none)
}

// flowEntry reads one item, or a key and its value.
func (r *reader) flowEntry(n int32) {
	explicit := r.at('?')
	if explicit {
		r.indicator()
		r.skip()
	}
	key := r.flowNode()
	if r.err != nil {
		return
	}
	r.skip()
	pair := r.peek() == ':'
	if r.nodes[n].kind == sequenceNode {
		if !pair && !explicit {
			r.adopt(n, key)
			return
		}
		m := r.add(node{
			kind: mappingNode, flow: true,
			start: r.nodes[key].start, first: r.nodes[key].first,
		})
		r.adopt(n, m)
		n = m
	}
	r.adopt(n, key)
	if !pair {
		r.adopt(n, r.absent(int(r.nodes[key].end)))
		return
	}
	r.indicator()
	at := r.pos
	r.skip()
	switch r.peek() {
	case ',', ']', '}':
		r.adopt(n, r.empty(at, properties{first: -1}))
		return
	}
	value := r.flowNode()
	r.adopt(n, value)
	r.nodes[n].end = r.nodes[value].end
}

// flowNode reads a node within brackets.
func (r *reader) flowNode() int32 {
	props := properties{first: -1, line: -1}
	at := r.pos
	for r.property(&props) {
		at = r.pos
		r.skip()
	}
	switch r.peek() {
	case ',', ']', '}', ':':
		if props.first < 0 {
			r.failHere("an item is missing in brackets")
		}
		return r.empty(at, props)
	case '*':
		return r.alias(props)
	case '"', '\'':
		return r.quoted(props, true)
	case '[', '{':
		return r.flowCollection()
	}
	n := r.plain(props, true)
	r.plainLines(n, 0, true)
	return n
}
