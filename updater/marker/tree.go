// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"slices"
	"strconv"
	"strings"
)

type nodeKind uint8

const (
	scalarNode nodeKind = iota
	mappingNode
	sequenceNode
	aliasNode
)

type scalarStyle uint8

const (
	plainStyle scalarStyle = iota
	singleStyle
	doubleStyle
	literalStyle
	foldedStyle
	// emptyStyle is a null of no characters, as the value in "key:".
	emptyStyle
)

// none is no node.
const none int32 = -1

// node is a node of a file. All places are byte offsets; all links are indexes
// into reader.nodes.
type node struct {
	kind  nodeKind
	style scalarStyle
	// key: the node is a key of its mapping.
	key bool
	// flow: the node stands within brackets.
	flow bool
	// folds: the value is not simply the bytes between the quotes, it has escapes
	// or several lines.
	folds bool
	// absent: an empty scalar with no indicator before it, as the value of the key
	// in {key}; a value cannot be written there.
	absent bool
	// plainWay: on the way from the root to this collection there is no doubled key
	// and no key that is a collection.
	plainWay bool
	// chomp is the chomping indicator of a block scalar: '-', '+' or 0.
	chomp byte
	// [start, end) are the node's bytes with quotes, without anchor and tag.
	start, end int32
	// first is where anchor and tag begin; start if there are none.
	first int32
	// body and indent are the first line and the indentation of a block scalar.
	body, indent int32
	// parent, the first and the last child, the siblings. The children of a
	// mapping are its keys and values by turns.
	parent, child, last, prev, next int32
	// index counts the children of the parent before this one; count this node's own.
	index, count int32
}

// add makes a node that is not yet within another.
func (r *reader) add(n node) int32 {
	n.parent, n.child, n.last, n.prev, n.next = none, none, none, none, none
	switch {
	case len(r.nodes)-r.before >= r.maxNodes:
		r.fail(int(n.start), ErrTooComplex, "a document has more than "+strconv.Itoa(r.maxNodes)+" nodes")
	case len(r.nodes) >= 2*r.maxNodes:
		r.fail(int(n.start), ErrTooComplex, "it has more than "+strconv.Itoa(2*r.maxNodes)+" nodes")
	}
	r.nodes = append(r.nodes, n)
	i := int32(len(r.nodes) - 1) //nolint:gosec // a node takes a byte at least, offsets fit
	if n.kind == scalarNode || n.kind == aliasNode {
		r.scalars = append(r.scalars, i)
	}
	return i
}

// adopt makes child the last child of parent.
func (r *reader) adopt(parent, child int32) {
	p, c := &r.nodes[parent], &r.nodes[child]
	c.parent, c.prev, c.index = parent, p.last, p.count
	c.key = p.kind == mappingNode && p.count%2 == 0
	if p.last == none {
		p.child = child
	} else {
		r.nodes[p.last].next = child
	}
	p.last = child
	p.count++
}

// root returns the root of the document that the node is in.
func (r *reader) root(n int32) int32 {
	for r.nodes[n].parent != none {
		n = r.nodes[n].parent
	}
	return n
}

// maxPath bounds the path of a value, in bytes.
const maxPath = 2048

// path returns the way to a node from its document's root; see Marker.Path. It
// is false for a path longer than maxPath.
func (r *reader) path(n int32) (string, bool) {
	var room [32]int32
	steps := room[:0]
	for ; r.nodes[n].parent != none; n = r.nodes[n].parent {
		steps = append(steps, n)
	}
	var space [256]byte
	path := space[:0]
	for _, n := range slices.Backward(steps) {
		step := &r.nodes[n]
		key := step.prev
		switch {
		case r.nodes[step.parent].kind == sequenceNode:
			path = append(strconv.AppendInt(append(path, '['), int64(step.index), 10), ']')
		case r.nodes[key].kind != scalarNode:
			path = append(strconv.AppendInt(append(path, "[?"...), int64(step.index/2), 10), ']')
		case r.nodes[key].end-r.nodes[key].start > maxPath:
			return "", false
		default:
			path = r.appendKey(path, key)
		}
		if len(path) > maxPath {
			return "", false
		}
	}
	return string(path), true
}

// appendKey appends a key as a step of a path.
func (r *reader) appendKey(path []byte, n int32) []byte {
	key, ok := r.simple(n)
	if !ok {
		key = []byte(r.value(n))
	}
	if len(key) == 0 || !all(key, pathByte) {
		return append(strconv.AppendQuote(append(path, '['), string(key)), ']')
	}
	if len(path) > 0 {
		path = append(path, '.')
	}
	return append(path, key...)
}

// pathByte reports whether a key of such bytes needs no quotes in a path.
func pathByte(c byte) bool { return c < 0x80 && wordByte(c) || c == '$' }

func all[T string | []byte](s T, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

// field returns the value of a key in a mapping; none if there is no such key
// or n is no mapping.
func (r *reader) field(n int32, key string) int32 {
	if n == none || r.nodes[n].kind != mappingNode {
		return none
	}
	for c := r.nodes[n].child; c != none; {
		value := r.nodes[c].next
		if value == none {
			return none
		}
		if r.nodes[c].kind == scalarNode && means(r, c, key) {
			return value
		}
		c = r.nodes[value].next
	}
	return none
}

// text returns the value of a scalar field; empty if there is none.
func (r *reader) text(n int32, key string) string {
	v := r.field(n, key)
	if v == none || r.nodes[v].kind != scalarNode {
		return ""
	}
	return r.value(v)
}

// object says which Kubernetes object a node is in.
func (r *reader) object(n int32) ObjectID {
	top, second, third := none, none, none // the root, its child, its grandchild on the way
	for ; n != none; n = r.nodes[n].parent {
		top, second, third = n, top, second
	}
	if third != none && second == r.listItems(top) {
		return r.identify(third)
	}
	return r.identify(top)
}

// listItems returns the items of an object whose kind ends in List, else none.
func (r *reader) listItems(top int32) int32 {
	if items, ok := r.lists[top]; ok {
		return items
	}
	items := none
	if strings.HasSuffix(r.text(top, "kind"), "List") {
		items = r.field(top, "items")
	}
	if items != none && r.nodes[items].kind != sequenceNode {
		items = none
	}
	if r.lists == nil {
		r.lists = make(map[int32]int32)
	}
	r.lists[top] = items
	return items
}

// identify reads the identity of one object, and remembers it.
func (r *reader) identify(n int32) ObjectID {
	if id, ok := r.objects[n]; ok {
		return id
	}
	meta := r.field(n, "metadata")
	id := ObjectID{
		APIVersion: r.text(n, "apiVersion"),
		Kind:       r.text(n, "kind"),
		Namespace:  r.text(meta, "namespace"),
		Name:       r.text(meta, "name"),
	}
	if r.objects == nil {
		r.objects = make(map[int32]ObjectID)
	}
	r.objects[n] = id
	return id
}
