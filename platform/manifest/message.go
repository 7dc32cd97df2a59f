// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/misspelling"
)

// field reads one field of a message. Null is the same as absent.
func (d *document) field(e entry, m protoreflect.Message, fd protoreflect.FieldDescriptor, path string, depth int) {
	n := deref(e.value)
	if !d.spend(n, depth) || isNull(n) {
		return
	}
	switch {
	case fd.IsList():
		d.positions[path] = d.where(e.at)
		d.readList(n, m.Mutable(fd).List(), fd, path, depth)
	case fd.IsMap():
		d.positions[path] = d.where(e.at)
		d.readMap(n, m.Mutable(fd).Map(), fd.MapValue(), path, depth)
	case isPlainMessage(fd):
		d.positions[path] = d.where(e.at)
		d.message(n, m.Mutable(fd).Message(), path, depth)
	default:
		d.positions[path] = d.where(e.value)
		if v, ok := d.scalar(n, fd, path); ok {
			m.Set(fd, v)
		}
	}
}

// isPlainMessage says whether a field is a message that is written as a mapping, or as the list that it wraps.
func isPlainMessage(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && fd.Message().FullName() != durationName && fd.Message().FullName() != timestampName
}

// message reads a mapping into a message, and a list into one that wraps a list.
func (d *document) message(n *yaml.Node, m protoreflect.Message, path string, depth int) {
	desc := m.Descriptor()
	if isListMessage(desc) {
		fd := desc.Fields().Get(0)
		d.readList(n, m.Mutable(fd).List(), fd, path, depth)
		return
	}
	if !d.wants(n, yaml.MappingNode, path) {
		return
	}
	chosen := map[protoreflect.Name][]entry{}
	for _, e := range d.entries(n, path, depth) {
		fd := desc.Fields().ByJSONName(e.key)
		if fd == nil {
			d.unsupportedOrUnknown(e, desc, path)
			continue
		}
		if oneof := fd.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() && !isNull(deref(e.value)) {
			chosen[oneof.Name()] = append(chosen[oneof.Name()], e)
		}
		d.field(e, m, fd, join(path, e.key), depth+1)
	}
	for i := range desc.Oneofs().Len() {
		if oneof := desc.Oneofs().Get(i); len(chosen[oneof.Name()]) > 1 {
			d.tooManyOf(oneof, chosen[oneof.Name()], path)
		}
	}
}

// tooManyOf reports that more than one member of a oneof is set, in the words of the field that the choice is made in.
func (d *document) tooManyOf(oneof protoreflect.OneofDescriptor, set []entry, path string) {
	noun := string(oneof.Name())
	if oneof.Fields().Len() == oneof.Parent().(protoreflect.MessageDescriptor).Fields().Len() && path != "" {
		noun = strings.TrimRight(path[strings.LastIndexByte(path, '.')+1:], "[]0123456789")
	}
	names := make([]string, len(set))
	for i, e := range set {
		names[i] = e.key
	}
	count := fmt.Sprint(len(set))
	if words := []string{2: "two", 3: "three", 4: "four"}; len(set) < len(words) {
		count = words[len(set)]
	}
	d.errorf(set[1].at, path, "%s %s at once: %s; keep one", count, plural(noun), enumerate(names, "and"))
}

func plural(noun string) string {
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return stem + "ies"
	}
	return noun + "s"
}

// enumerate is `a, b and c`.
func enumerate(words []string, conjunction string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

// readList reads a list's items.
func (d *document) readList(n *yaml.Node, list protoreflect.List, fd protoreflect.FieldDescriptor, path string, depth int) {
	if !d.wants(n, yaml.SequenceNode, path) {
		return
	}
	for i, item := range n.Content {
		at := joinIndex(path, i)
		value := deref(item)
		if !d.spend(value, depth+1) {
			return
		}
		d.positions[at] = d.where(item)
		switch {
		case isNull(value):
			d.errorf(item, at, "an item without a value; give it one, or remove the `-`")
		case isPlainMessage(fd):
			element := list.NewElement()
			d.message(value, element.Message(), at, depth+1)
			list.Append(element)
		default:
			if v, ok := d.scalar(value, fd, at); ok {
				list.Append(v)
			}
		}
	}
}

// readMap reads a map's values. A null is an empty string, as Kubernetes has it.
func (d *document) readMap(n *yaml.Node, m protoreflect.Map, fd protoreflect.FieldDescriptor, path string, depth int) {
	if !d.wants(n, yaml.MappingNode, path) {
		return
	}
	for _, e := range d.entries(n, path, depth) {
		at := joinKey(path, e.key)
		key := protoreflect.ValueOfString(e.key).MapKey()
		value := deref(e.value)
		if !d.spend(value, depth+1) {
			return
		}
		d.positions[at] = d.where(e.value)
		switch {
		case isNull(value) && fd.Kind() == protoreflect.StringKind:
			m.Set(key, protoreflect.ValueOfString(""))
		case isNull(value):
			d.errorf(e.at, at, "a key without a value; give it one, or remove it")
		case isPlainMessage(fd):
			element := m.NewValue()
			d.message(value, element.Message(), at, depth+1)
			m.Set(key, element)
		default:
			if v, ok := d.scalar(value, fd, at); ok {
				m.Set(key, v)
			}
		}
	}
}

// wants reports a node that is not of the kind that its field needs.
func (d *document) wants(n *yaml.Node, kind yaml.Kind, path string) bool {
	tag, wanted := "!!map", "a mapping of its fields"
	if kind == yaml.SequenceNode {
		tag, wanted = "!!seq", "a list"
	}
	switch {
	case n.Kind != kind:
		d.errorf(n, path, "%s", d.wrongType(n, wanted))
	case n.ShortTag() != tag:
		d.errorf(n, path, "%s has no meaning here; remove it", d.tag(n))
	default:
		return true
	}
	return false
}

// unsupportedOrUnknown reports a field that the message does not have.
func (d *document) unsupportedOrUnknown(e entry, desc protoreflect.MessageDescriptor, path string) {
	known := unsupportedField(desc, e.key)
	switch {
	case known == nil:
		names := make([]string, desc.Fields().Len())
		for i := range names {
			names[i] = desc.Fields().Get(i).JSONName()
		}
		d.unknown(e, path, names)
	case saysNothing(deref(e.value)), isDefault(deref(e.value), known):
	case known.GetRefused():
		d.errorf(e.at, join(path, e.key), "not supported: %s", known.GetNote())
	default:
		d.warnf(e.at, join(path, e.key), "no effect: %s", known.GetNote())
	}
}

// saysNothing says whether a value is what leaving the field out would be.
func saysNothing(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		return isNull(n) || n.Value == "" || (n.ShortTag() == "!!bool" && strings.EqualFold(n.Value, "false"))
	}
	return len(n.Content) == 0
}

// isDefault says whether a value is the field's default, written out.
func isDefault(n *yaml.Node, field *metav1.UnsupportedField) bool {
	return n.Kind == yaml.ScalarNode && field.GetDefaultValue() != "" && n.Value == field.GetDefaultValue()
}

// unknown reports a field that nobody knows, and which of its siblings may be meant.
func (d *document) unknown(e entry, path string, names []string) {
	sentence := "unknown field " + ticked(e.key)
	if near := misspelling.Nearest(e.key, names); near != "" {
		sentence += "; did you mean " + ticked(near) + "?"
	} else if len(names) > 0 {
		sentence += "; the fields here are " + enumerate(names, "and")
	} else {
		sentence += "; there are no fields here, remove it"
	}
	d.errorf(e.at, join(path, e.key), "%s", sentence)
}
