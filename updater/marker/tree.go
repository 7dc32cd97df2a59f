// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
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
	// chomp is the chomping indicator of a block scalar: '-', '+' or 0.
	chomp byte
	// [start, end) are the node's bytes with quotes, without anchor and tag.
	start, end int32
	// first is where anchor and tag begin; start if there are none.
	first int32
	// body and indent are the first line and the indentation of a block scalar.
	body, indent int32
	// parent, the first and the last child, the next sibling. The children of a
	// mapping are its keys and values by turns.
	parent, child, last, next int32
	// index counts the children of the parent before this one; count this node's own.
	index, count int32
}

// add makes a node that is not yet within another.
func (r *reader) add(n node) int32 {
	n.parent, n.child, n.last, n.next = none, none, none, none
	if len(r.nodes) >= r.maxNodes {
		r.fail(int(n.start), ErrTooComplex, "it has more than "+strconv.Itoa(r.maxNodes)+" nodes")
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
	c.parent, c.index = parent, p.count
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

// keyOf returns the key of a value in a mapping.
func (r *reader) keyOf(value int32) int32 {
	parent, at := &r.nodes[r.nodes[value].parent], r.nodes[value].index
	if r.keys == nil {
		r.keys = make(map[int32][]int32)
	}
	keys, ok := r.keys[r.nodes[value].parent]
	if !ok {
		for c := parent.child; c != none; c = r.nodes[c].next {
			if r.nodes[c].key {
				keys = append(keys, c)
			}
		}
		r.keys[r.nodes[value].parent] = keys
	}
	return keys[at/2]
}

// maxPath bounds the path of a value, in bytes.
const maxPath = 2048

// path returns the way to a node from its document's root; see Marker.Path. It
// is false for a path longer than maxPath.
func (r *reader) path(n int32) (string, bool) {
	var steps []int32
	for ; r.nodes[n].parent != none; n = r.nodes[n].parent {
		steps = append(steps, n)
	}
	var b strings.Builder
	for i := len(steps) - 1; i >= 0; i-- {
		step := r.nodes[steps[i]]
		if r.nodes[step.parent].kind == sequenceNode {
			b.WriteString("[" + strconv.Itoa(int(step.index)) + "]")
		} else if key := r.keyOf(steps[i]); r.nodes[key].kind != scalarNode {
			b.WriteString("[?]")
		} else if r.nodes[key].end-r.nodes[key].start > maxPath {
			return "", false
		} else {
			writeKey(&b, r.value(key))
		}
		if b.Len() > maxPath {
			return "", false
		}
	}
	return b.String(), true
}

func writeKey(b *strings.Builder, key string) {
	if key == "" || strings.Trim(key, wordBytes) != "" {
		b.WriteString("[" + strconv.Quote(key) + "]")
		return
	}
	if b.Len() > 0 {
		b.WriteByte('.')
	}
	b.WriteString(key)
}

const wordBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$"

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
		if r.nodes[c].kind == scalarNode && r.is(c, key) {
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
