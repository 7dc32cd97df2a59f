// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import "go.yaml.in/yaml/v3"

// comparison holds the nodes of the first reader against those of the second.
type comparison struct {
	*reader
	// edits are those whose scalars are still to come. Both they and the scalars of
	// a document are in the order of their offsets.
	edits []edit
}

// take returns the edit of a scalar, when the comparison comes by.
func (c *comparison) take(n int32) (edit, bool) {
	if len(c.edits) == 0 || c.edits[0].node != n {
		return edit{}, false
	}
	e := c.edits[0]
	c.edits = c.edits[1:]
	return e, true
}

// What the second reader calls the kinds and styles of the first.
var (
	kinds = [...]yaml.Kind{
		scalarNode: yaml.ScalarNode, mappingNode: yaml.MappingNode,
		sequenceNode: yaml.SequenceNode, aliasNode: yaml.AliasNode,
	}
	styles = [...]yaml.Style{
		plainStyle: 0, singleStyle: yaml.SingleQuotedStyle, doubleStyle: yaml.DoubleQuotedStyle,
		literalStyle: yaml.LiteralStyle, foldedStyle: yaml.FoldedStyle, emptyStyle: 0,
	}
)

// sameAsRead compares a node and all below it: kinds, numbers of children,
// names of aliases, and of scalars all that there is.
func (c *comparison) sameAsRead(n int32, b *yaml.Node) error {
	a := &c.nodes[n]
	if kinds[a.kind] != b.Kind || int(a.count) != len(b.Content) {
		return unproven(b, "the kind or the size of a node")
	}
	switch a.kind {
	case scalarNode:
		if err := c.sameScalar(n, b); err != nil {
			return err
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

// sameScalar compares values, or the intended ones, the way they are written,
// anchors, and whether there is a tag.
func (c *comparison) sameScalar(n int32, b *yaml.Node) error {
	a := &c.nodes[n]
	tagged := b.Style&yaml.TaggedStyle != 0
	if a.first != a.start || b.Anchor != "" || tagged {
		if string(c.anchor(a)) != b.Anchor {
			return unproven(b, "the anchor of a scalar")
		}
		if tag := c.tag(a); tagged != (len(tag) > 1) {
			return unproven(b, "the tag of a scalar")
		}
	}
	style, want := styles[a.style], ""
	e, edited := c.take(n)
	if edited {
		want = e.value
		if a.style == plainStyle || a.style == emptyStyle {
			style = e.style()
		}
	}
	switch {
	case b.Style&^yaml.TaggedStyle != style:
		return unproven(b, "the quoting of a scalar")
	case edited && (b.Value != want || b.Tag != "!!str" && !tagged):
		return unproven(b, "an edited value would not read as intended")
	case !edited && !means(c.reader, n, b.Value):
		return unproven(b, "the value of a scalar")
	}
	return nil
}

// sameButEdits compares what the second reader saw before and after. Kinds and
// numbers of children are known to agree with the first reader's nodes.
func (c *comparison) sameButEdits(n int32, before, after *yaml.Node) error {
	_, edited := c.take(n)
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
