// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import "go.yaml.in/yaml/v3"

// comparison holds the nodes of the first reader against those of the second.
type comparison struct {
	*reader
	// want are the intended values of edited scalars.
	want map[int32]string
}

var kinds = map[nodeKind]yaml.Kind{
	scalarNode: yaml.ScalarNode, mappingNode: yaml.MappingNode,
	sequenceNode: yaml.SequenceNode, aliasNode: yaml.AliasNode,
}

// sameAsRead compares a node and all below it: kinds, numbers of children, and
// the values of scalars, or the intended ones.
func (c comparison) sameAsRead(n int32, b *yaml.Node) error {
	a := &c.nodes[n]
	if kinds[a.kind] != b.Kind || int(a.count) != len(b.Content) {
		return unproven(b, "the kind or the size of a node")
	}
	switch a.kind {
	case scalarNode:
		want, edited := c.want[n]
		text := b.Tag == "!!str" || b.Style&yaml.TaggedStyle != 0
		if edited && (b.Value != want || !text) {
			return unproven(b, "an edited value would not read as intended")
		}
		if !edited && !c.is(n, b.Value) {
			return unproven(b, "the value of a scalar")
		}
	case aliasNode:
		if string(c.src[a.start+1:a.end]) != b.Value {
			return unproven(b, "the name of an alias")
		}
	case mappingNode, sequenceNode:
	}
	for i, child := 0, a.child; child != none; i, child = i+1, c.nodes[child].next {
		if err := c.sameAsRead(child, b.Content[i]); err != nil {
			return err
		}
	}
	return nil
}

// sameButEdits compares what the second reader saw before and after. Kinds and
// numbers of children are known to agree with the first reader's nodes.
func (c comparison) sameButEdits(n int32, before, after *yaml.Node) error {
	_, edited := c.want[n]
	switch {
	case before.Anchor != after.Anchor:
		return unproven(after, "an anchor would change")
	case edited && before.Style&yaml.TaggedStyle != after.Style&yaml.TaggedStyle:
		return unproven(after, "a tag would come or go")
	case edited && before.Style&yaml.TaggedStyle != 0 && before.Tag != after.Tag:
		return unproven(after, "a tag would change")
	case !edited && (before.Tag != after.Tag || before.Style != after.Style || before.Value != after.Value):
		return unproven(after, "another value would change")
	}
	for i, child := 0, c.nodes[n].child; child != none; i, child = i+1, c.nodes[child].next {
		if err := c.sameButEdits(child, before.Content[i], after.Content[i]); err != nil {
			return err
		}
	}
	return nil
}
