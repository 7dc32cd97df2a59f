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

type encoder struct {
	status bool
	flux   *fluxForm // nil: Tidemark's own form
}

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
	if e.flux != nil {
		return e.flux.tree(e, k, m)
	}
	out := map[string]any{"apiVersion": k.apiVersion(), "kind": k.kind}
	err = e.fields(m, "", func(fd protoreflect.FieldDescriptor, value any) {
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

// fields hands out every field that is set; path is the message's own.
func (e *encoder) fields(m protoreflect.Message, path string, yield func(protoreflect.FieldDescriptor, any)) (err error) {
	if e.flux != nil {
		return e.flux.fields(e, m, path, yield)
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		var value any
		if value, err = e.field(fd, v, join(path, fd.JSONName())); err != nil {
			err = fmt.Errorf("%s: %w", fd.JSONName(), err)
			return false
		}
		yield(fd, value)
		return true
	})
	return err
}

func (e *encoder) field(fd protoreflect.FieldDescriptor, v protoreflect.Value, path string) (any, error) {
	switch {
	case fd.IsList():
		return e.list(fd, v.List(), path)
	case fd.IsMap():
		out := make(map[string]any, v.Map().Len())
		var err error
		v.Map().Range(func(key protoreflect.MapKey, item protoreflect.Value) bool {
			out[key.String()], err = e.value(fd.MapValue(), item, joinKey(path, key.String()))
			return err == nil
		})
		return out, err
	default:
		return e.value(fd, v, path)
	}
}

func (e *encoder) list(fd protoreflect.FieldDescriptor, list protoreflect.List, path string) (any, error) {
	out := make([]any, 0, list.Len())
	for i := range list.Len() {
		at := joinIndex(path, i)
		if e.flux != nil && !e.flux.takes(fd, list.Get(i), at) {
			continue
		}
		value, err := e.value(fd, list.Get(i), at)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

func (e *encoder) value(fd protoreflect.FieldDescriptor, v protoreflect.Value, path string) (any, error) {
	switch fd.Kind() {
	case protoreflect.EnumKind:
		if value := fd.Enum().Values().ByNumber(v.Enum()); value != nil {
			s, _ := spelling(value)
			if e.flux != nil {
				s = e.flux.spelling(value, s, path)
			}
			return s, nil
		}
		return nil, fmt.Errorf("%d is no value of %s", v.Enum(), fd.Enum().FullName())
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(v.Bytes()), nil
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return e.message(fd, v.Message(), path)
	default:
		return v.Interface(), nil
	}
}

func (e *encoder) message(in protoreflect.FieldDescriptor, m protoreflect.Message, path string) (any, error) {
	switch m.Descriptor().FullName() {
	case durationName:
		seconds, nanos := secondsAndNanos(m)
		d, err := goDuration(&durationpb.Duration{Seconds: seconds, Nanos: nanos})
		if err == nil && e.flux != nil {
			return fluxDuration(d, fluxField(in).GetNoHours()), nil
		}
		return d.String(), err
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
		return e.list(fd, m.Get(fd).List(), path)
	}
	out := map[string]any{}
	err := e.fields(m, path, func(fd protoreflect.FieldDescriptor, value any) { out[fd.JSONName()] = value })
	return out, err
}

// secondsAndNanos are the fields of a Duration or Timestamp, of whatever Go type.
func secondsAndNanos(m protoreflect.Message) (seconds int64, nanos int32) {
	fields := m.Descriptor().Fields()
	nanos64 := m.Get(fields.ByName("nanos")).Int()
	return m.Get(fields.ByName("seconds")).Int(), int32(nanos64) //nolint:gosec // The field is an int32.
}

// goDuration is a duration as Go has it, whose form `1m0s` is a manifest's only one, so that it must fit into 292 years.
func goDuration(d *durationpb.Duration) (time.Duration, error) {
	if err := d.CheckValid(); err != nil {
		return 0, fmt.Errorf("%w", err)
	}
	out := d.AsDuration()
	if !proto.Equal(durationpb.New(out), d) {
		return 0, fmt.Errorf("a duration of %d seconds is too long for a manifest", d.GetSeconds())
	}
	return out, nil
}
