// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"bytes"
	"fmt"
	"slices"
)

// target returns the scalar that a marker's comment stands at.
func (r *reader) target(c comment) (int32, *Problem) {
	if c.ownLine {
		return r.below(c)
	}
	n := none
	switch c.after.kind {
	case valueToken:
		n = c.after.node
	case leadingToken:
		n = r.following(c)
	case aliasToken, closeToken:
		return none, notScalar()
	case noToken, commaToken:
		return none, dangling()
	}
	if n == none || r.nodes[n].key || r.nodes[n].kind != scalarNode {
		return none, notScalar()
	}
	if r.nodes[n].absent {
		return none, &Problem{Kind: NotEditable, Text: "the value is left out altogether, with its colon; write the colon"}
	}
	return n, nil
}

func notScalar() *Problem {
	return &Problem{Kind: NotScalar, Text: "the marker does not stand at a scalar value, " +
		"but at a mapping, a sequence, an alias or a key"}
}

func dangling() *Problem {
	return &Problem{Kind: Dangling, Text: "no value stands where the marker points"}
}

// following returns the scalar behind the indicator that a comment follows: an
// empty one, or one that begins in the next line.
func (r *reader) following(c comment) int32 {
	i := r.scalarAt(c.after.end)
	if i >= len(r.scalars) {
		return none
	}
	n := r.scalars[i]
	nd := &r.nodes[n]
	if nd.style == emptyStyle && int(nd.start) == c.after.end {
		return n
	}
	if int(nd.first) < c.end {
		return none
	}
	between := r.src[c.end:nd.first]
	if len(bytes.Trim(between, " \t\r\n")) > 0 || r.lineOf(int(nd.first)) != c.line+2 {
		return none
	}
	return n
}

// below returns the only scalar value that begins in the line below a comment.
func (r *reader) below(c comment) (int32, *Problem) {
	if c.end >= len(r.src) {
		return none, dangling()
	}
	start := c.end + breakLen(r.src[c.end:])
	end := start + len(r.src[start:])
	if at := bytes.IndexAny(r.src[start:], "\r\n"); at >= 0 {
		end = start + at
	}
	found, empty, count := none, none, 0
	others := false
	for i := r.scalarAt(start); i < len(r.scalars); i++ {
		n := r.scalars[i]
		nd := &r.nodes[n]
		switch {
		case int(nd.start) > end || int(nd.start) == end && nd.style != emptyStyle:
			i = len(r.scalars)
		case nd.key || nd.kind == aliasNode || nd.absent:
			others = true
		case nd.style == emptyStyle:
			empty = n
		default:
			found, count = n, count+1
		}
	}
	switch {
	case count == 1:
		return found, nil
	case count > 1:
		return none, &Problem{Kind: Ambiguous, Text: fmt.Sprintf(
			"the line below the marker has %d values; put the marker behind the value that it is for", count)}
	case empty != none:
		return empty, nil
	case others:
		return none, notScalar()
	}
	return none, dangling()
}

// scalarAt returns the index, in scalars, of the first that begins at an offset
// or behind it.
func (r *reader) scalarAt(at int) int {
	i, _ := slices.BinarySearchFunc(r.scalars, at, func(n int32, at int) int {
		return int(r.nodes[n].start) - at
	})
	return i
}

// editable says why a scalar cannot take an image; nil if it can.
func (r *reader) editable(n int32) *Problem {
	if problem := r.oneWay(n); problem != nil {
		return problem
	}
	nd := &r.nodes[n]
	if tag := r.tag(nd); bytes.HasPrefix(tag, []byte("!!")) && string(tag) != "!!str" ||
		bytes.HasPrefix(tag, []byte("!<tag:yaml.org,")) {
		return &Problem{Kind: NotEditable, Text: fmt.Sprintf(
			"the value has the tag %.40s and cannot hold an image", tag)}
	}
	if nd.style == literalStyle || nd.style == foldedStyle {
		if text, _, _ := r.line1(nd); text == nil {
			return &Problem{Kind: NotEditable, Text: "the value is a block of text that is not a single line"}
		}
	}
	return nil
}

// oneWay says why a path leads to a scalar and to others as well, or why none does.
func (r *reader) oneWay(n int32) *Problem {
	for at := n; r.nodes[at].parent != none && !r.nodes[at].plainWay; at = r.nodes[at].parent {
		if r.nodes[at].key {
			return notScalar() // it is part of a key that is a collection
		}
		if key, twice := r.doubled(at); twice {
			return &Problem{Kind: Ambiguous, Text: fmt.Sprintf(
				"the key %.80q on the way to the value occurs twice in its mapping", key)}
		}
	}
	for at := r.nodes[n].parent; at != none && !r.nodes[at].plainWay; at = r.nodes[at].parent {
		r.nodes[at].plainWay = true
	}
	return nil
}

// anchor returns the name of a scalar's anchor, and tag its tag; nil if it has none.
func (r *reader) anchor(nd *node) []byte {
	if p := r.property1(nd, '&'); p != nil {
		return p[1:]
	}
	return nil
}

func (r *reader) tag(nd *node) []byte { return r.property1(nd, '!') }

// property1 returns the first property of a scalar that begins with a byte.
func (r *reader) property1(nd *node, mark byte) []byte {
	for props := r.src[nd.first:nd.start]; len(props) > 0; {
		switch props[0] {
		case '&', '!':
			end := propertyEnd(props, 0)
			if props[0] == mark {
				return props[:end]
			}
			props = props[end:]
		case '#':
			if end := bytes.IndexAny(props, "\r\n"); end >= 0 {
				props = props[end:]
				continue
			}
			return nil
		default:
			props = props[1:]
		}
	}
	return nil
}

// line1 returns the only line of a block scalar and its span; nil if the block has
// several lines, none, or blanks around it.
func (r *reader) line1(nd *node) (text []byte, start, end int) {
	start, end = int(nd.body+nd.indent), int(nd.end)
	if start >= end {
		return nil, 0, 0
	}
	text = r.src[start:end]
	if bytes.ContainsAny(r.src[nd.body:end], "\r\n") || len(bytes.TrimSpace(text)) != len(text) {
		return nil, 0, 0
	}
	return text, start, end
}

// smallMapping is the number of keys and values up to which comparing all keys
// is cheaper than hashing them.
const smallMapping = 32

// doubled reports whether the key of a value occurs twice in its mapping.
func (r *reader) doubled(n int32) (string, bool) {
	m, key := r.nodes[n].parent, r.nodes[n].prev
	if r.nodes[m].kind != mappingNode || r.nodes[key].kind != scalarNode {
		return "", false
	}
	if r.nodes[m].count > smallMapping {
		twice := r.doubledKeys(m)
		if len(twice) == 0 || !twice[r.value(key)] {
			return "", false
		}
		return r.value(key), true
	}
	own, ok := r.simple(key)
	if !ok {
		own = []byte(r.value(key))
	}
	for c := r.nodes[m].child; c != none; c = r.nodes[c].next {
		if c != key && r.nodes[c].key && r.nodes[c].kind == scalarNode && means(r, c, own) {
			return string(own), true
		}
	}
	return "", false
}

// doubledKeys returns the keys that occur more than once in a mapping.
func (r *reader) doubledKeys(m int32) map[string]bool {
	if twice, ok := r.twice[m]; ok {
		return twice
	}
	if r.twice == nil {
		r.twice = make(map[int32]map[string]bool)
	}
	var twice map[string]bool
	seen := make(map[string]struct{}, r.nodes[m].count/2)
	for c := r.nodes[m].child; c != none; c = r.nodes[c].next {
		if !r.nodes[c].key || r.nodes[c].kind != scalarNode {
			continue
		}
		key := r.value(c)
		if _, ok := seen[key]; ok {
			if twice == nil {
				twice = make(map[string]bool)
			}
			twice[key] = true
		}
		seen[key] = struct{}{}
	}
	r.twice[m] = twice
	return twice
}
