// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
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
		case nd.key || nd.kind == aliasNode:
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
	if key, twice := r.doubled(n); twice {
		return &Problem{Kind: Ambiguous, Text: fmt.Sprintf(
			"the key %.80q on the way to the value occurs twice in its mapping", key)}
	}
	nd := &r.nodes[n]
	for _, p := range strings.Fields(string(r.src[nd.first:nd.start])) {
		if strings.HasPrefix(p, "!!") && p != "!!str" || strings.HasPrefix(p, "!<tag:yaml.org,") {
			return &Problem{Kind: NotEditable, Text: fmt.Sprintf(
				"the value has the tag %.40s and cannot hold an image", p)}
		}
	}
	if nd.style == literalStyle || nd.style == foldedStyle {
		if text, _, _ := r.line1(nd); text == nil {
			return &Problem{Kind: NotEditable, Text: "the value is a block of text that is not a single line"}
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

// doubled finds a key on the way to a node that occurs twice in its mapping.
func (r *reader) doubled(n int32) (string, bool) {
	for ; r.nodes[n].parent != none; n = r.nodes[n].parent {
		m := r.nodes[n].parent
		if r.nodes[m].kind != mappingNode {
			continue
		}
		key := r.keyOf(n)
		if r.nodes[key].kind == scalarNode && len(r.doubledKeys(m)) > 0 && r.twice[m][r.value(key)] {
			return r.value(key), true
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
