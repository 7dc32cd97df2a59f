// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/base64"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// EncodeOption changes what is written of an object.
type EncodeOption func(*encoder)

// WithStatus writes also what the server knows of an object: its status, overrides and all metadata. Decode drops it.
func WithStatus() EncodeOption { return func(e *encoder) { e.status = true } }

type encoder struct{ status bool }

// tree is an object as nested maps, slices and scalars, in the manifest's spelling.
func (c *Codec) tree(message proto.Message, opts []EncodeOption) (map[string]any, error) {
	e := &encoder{}
	for _, opt := range opts {
		opt(e)
	}
	m := message.ProtoReflect()
	k, err := c.kindOf(m)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"apiVersion": k.apiVersion(), "kind": k.kind}
	err = e.fields(m, func(fd protoreflect.FieldDescriptor, value any) {
		if e.status || fd == k.metadata || fd == k.spec {
			out[fd.JSONName()] = value
		}
	})
	if err != nil {
		return nil, fmt.Errorf("write %s as a manifest: %w", k.kind, err)
	}
	if meta, ok := out[k.metadata.JSONName()].(map[string]any); ok && !e.status {
		written := map[string]any{}
		for _, name := range writtenMetadata {
			if v, ok := meta[name]; ok {
				written[name] = v
			}
		}
		out[k.metadata.JSONName()] = written
	}
	return out, nil
}

// fields hands out every field that is set.
func (e *encoder) fields(m protoreflect.Message, yield func(protoreflect.FieldDescriptor, any)) (err error) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		var value any
		if value, err = e.field(fd, v); err != nil {
			err = fmt.Errorf("%s: %w", fd.JSONName(), err)
			return false
		}
		yield(fd, value)
		return true
	})
	return err
}

func (e *encoder) field(fd protoreflect.FieldDescriptor, v protoreflect.Value) (any, error) {
	switch {
	case fd.IsList():
		return e.list(fd, v.List())
	case fd.IsMap():
		out := make(map[string]any, v.Map().Len())
		var err error
		v.Map().Range(func(key protoreflect.MapKey, item protoreflect.Value) bool {
			out[key.String()], err = e.value(fd.MapValue(), item)
			return err == nil
		})
		return out, err
	default:
		return e.value(fd, v)
	}
}

func (e *encoder) list(fd protoreflect.FieldDescriptor, list protoreflect.List) (any, error) {
	out := make([]any, list.Len())
	for i := range out {
		var err error
		if out[i], err = e.value(fd, list.Get(i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e *encoder) value(fd protoreflect.FieldDescriptor, v protoreflect.Value) (any, error) {
	switch fd.Kind() {
	case protoreflect.EnumKind:
		if value := fd.Enum().Values().ByNumber(v.Enum()); value != nil {
			s, _ := spelling(value)
			return s, nil
		}
		return nil, fmt.Errorf("%d is no value of %s", v.Enum(), fd.Enum().FullName())
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(v.Bytes()), nil
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return e.message(v.Message())
	default:
		return v.Interface(), nil
	}
}

func (e *encoder) message(m protoreflect.Message) (any, error) {
	switch m.Descriptor().FullName() {
	case durationName:
		seconds, nanos := secondsAndNanos(m)
		return formatDuration(&durationpb.Duration{Seconds: seconds, Nanos: nanos})
	case timestampName:
		seconds, nanos := secondsAndNanos(m)
		known := &timestamppb.Timestamp{Seconds: seconds, Nanos: nanos}
		if err := known.CheckValid(); err != nil {
			return nil, fmt.Errorf("%w", err)
		}
		return known.AsTime().Format(time.RFC3339Nano), nil
	}
	if isListMessage(m.Descriptor()) {
		fd := m.Descriptor().Fields().Get(0)
		return e.list(fd, m.Get(fd).List())
	}
	out := map[string]any{}
	err := e.fields(m, func(fd protoreflect.FieldDescriptor, value any) { out[fd.JSONName()] = value })
	return out, err
}

// secondsAndNanos are the fields of a Duration or Timestamp, of whatever Go type.
func secondsAndNanos(m protoreflect.Message) (seconds int64, nanos int32) {
	fields := m.Descriptor().Fields()
	nanos64 := m.Get(fields.ByName("nanos")).Int()
	return m.Get(fields.ByName("seconds")).Int(), int32(nanos64) //nolint:gosec // The field is an int32.
}

// formatDuration prints Go's form, `1m0s`; a manifest has no other, so that it must fit into Go's 292 years.
func formatDuration(d *durationpb.Duration) (string, error) {
	if err := d.CheckValid(); err != nil {
		return "", fmt.Errorf("%w", err)
	}
	out := d.AsDuration()
	if !proto.Equal(durationpb.New(out), d) {
		return "", fmt.Errorf("a duration of %d seconds is too long for a manifest", d.GetSeconds())
	}
	return out.String(), nil
}
