// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// codec takes a kind's messages apart into what the keys hold, and puts them together again.
type codec[T Message] struct {
	new                              func() T
	metadata, spec, status, override protoreflect.FieldDescriptor
}

// newCodec panics if the message lacks one of the four fields: such a kind cannot be stored, and no input makes one.
func newCodec[T Message](newMessage func() T) codec[T] {
	descriptor := newMessage().ProtoReflect().Descriptor()
	field := func(name protoreflect.Name) protoreflect.FieldDescriptor {
		fd := descriptor.Fields().ByName(name)
		if fd == nil || fd.Kind() != protoreflect.MessageKind || fd.IsList() || fd.IsMap() {
			panic(fmt.Sprintf("object: %s has no message field %q", descriptor.FullName(), name))
		}
		return fd
	}
	return codec[T]{new: newMessage, metadata: field("metadata"), spec: field("spec"), status: field("status"), override: field("override")}
}

// part makes a message with the metadata and one more field of another message.
func (c codec[T]) part(meta *metav1.ObjectMeta, field protoreflect.FieldDescriptor, from T) T {
	part := c.new()
	part.ProtoReflect().Set(c.metadata, protoreflect.ValueOfMessage(meta.ProtoReflect()))
	c.move(part, field, from)
	return part
}

// move makes to's field the same as from's, shared and not copied.
func (c codec[T]) move(to T, field protoreflect.FieldDescriptor, from T) {
	if from.ProtoReflect().Has(field) {
		to.ProtoReflect().Set(field, from.ProtoReflect().Get(field))
	} else {
		to.ProtoReflect().Clear(field)
	}
}

func (c codec[T]) equal(field protoreflect.FieldDescriptor, a, b T) bool {
	x, y := a.ProtoReflect(), b.ProtoReflect()
	if x.Has(field) != y.Has(field) {
		return false
	}
	return proto.Equal(x.Get(field).Message().Interface(), y.Get(field).Message().Interface())
}

func (c codec[T]) marshal(part T) (string, error) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(part)
	if err != nil {
		return "", fmt.Errorf("encoding %s: %w", part.ProtoReflect().Descriptor().Name(), err)
	}
	return string(data), nil
}

func (c codec[T]) unmarshal(data []byte) (T, error) {
	part := c.new()
	if err := proto.Unmarshal(data, part); err != nil {
		return part, fmt.Errorf("decoding %s: %w", part.ProtoReflect().Descriptor().Name(), err)
	}
	return part, nil
}

// compose makes the object of its keys' values; status and override may be empty.
func (c codec[T]) compose(spec []byte, revision int64, status, override []byte) (T, error) {
	object, err := c.unmarshal(spec)
	if err != nil {
		return object, err
	}
	meta := object.ProtoReflect().Mutable(c.metadata).Message().Interface()
	if meta, ok := meta.(*metav1.ObjectMeta); ok {
		meta.ResourceVersion = strconv.FormatInt(revision, 10)
	}
	if err := c.adopt(object, c.status, status); err != nil {
		return object, err
	}
	return object, c.adopt(object, c.override, override)
}

// adopt gives the object the part that is stored for it, unless that is of an earlier object of the same name.
func (c codec[T]) adopt(object T, field protoreflect.FieldDescriptor, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	part, err := c.unmarshal(data)
	if err != nil {
		return err
	}
	if part.GetMetadata().GetUid() == object.GetMetadata().GetUid() {
		c.move(object, field, part)
	}
	return nil
}

func clone[T Message](object T) T { return proto.CloneOf(object) }
