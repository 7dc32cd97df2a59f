// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"math"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// number reads a number into a field of any numeric kind.
func (d *document) number(n *yaml.Node, fd protoreflect.FieldDescriptor, path string) (v protoreflect.Value, ok bool) {
	switch fd.Kind() {
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return d.float(n, fd.Kind(), path)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		u, ok := d.unsigned(n, math.MaxUint32, path)
		return protoreflect.ValueOfUint32(uint32(u)), ok //nolint:gosec // Bounded by the line above.
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		u, ok := d.unsigned(n, math.MaxUint64, path)
		return protoreflect.ValueOfUint64(u), ok
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		i, ok := d.signed(n, math.MinInt32, math.MaxInt32, path)
		return protoreflect.ValueOfInt32(int32(i)), ok //nolint:gosec // Bounded by the line above.
	default:
		i, ok := d.signed(n, math.MinInt64, math.MaxInt64, path)
		return protoreflect.ValueOfInt64(i), ok
	}
}

func (d *document) signed(n *yaml.Node, lowest, highest int64, path string) (i int64, ok bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" {
		d.errorf(n, path, "%s", d.wrongType(n, "a whole number"))
		return 0, false
	}
	if err := n.Decode(&i); err != nil || i < lowest || i > highest {
		d.errorf(n, path, "%s is out of range; use a whole number from %d to %d", d.value(n), lowest, highest)
		return 0, false
	}
	return i, true
}

func (d *document) unsigned(n *yaml.Node, highest uint64, path string) (u uint64, ok bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" {
		d.errorf(n, path, "%s", d.wrongType(n, "a whole number"))
		return 0, false
	}
	if err := n.Decode(&u); err != nil || u > highest {
		d.errorf(n, path, "%s is out of range; use a whole number from 0 to %d", d.value(n), highest)
		return 0, false
	}
	return u, true
}

func (d *document) float(n *yaml.Node, kind protoreflect.Kind, path string) (v protoreflect.Value, ok bool) {
	var f float64
	if n.Kind != yaml.ScalarNode || (n.ShortTag() != "!!int" && n.ShortTag() != "!!float") || n.Decode(&f) != nil {
		d.errorf(n, path, "%s", d.wrongType(n, "a number"))
		return v, false
	}
	if kind == protoreflect.FloatKind {
		return protoreflect.ValueOfFloat32(float32(f)), true
	}
	return protoreflect.ValueOfFloat64(f), true
}
