// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

const (
	durationName  protoreflect.FullName = "google.protobuf.Duration"
	timestampName protoreflect.FullName = "google.protobuf.Timestamp"
)

func kindOption(desc protoreflect.MessageDescriptor) *metav1.ManifestKind {
	option, _ := proto.GetExtension(desc.Options(), metav1.E_ManifestKind).(*metav1.ManifestKind)
	return option
}

// isListMessage says whether a message is written as its single repeated field.
func isListMessage(desc protoreflect.MessageDescriptor) bool {
	is, _ := proto.GetExtension(desc.Options(), metav1.E_ManifestList).(bool)
	return is
}

// unsupportedField finds a field of Flux's that is known and not acted on; nil: there is none of this name.
func unsupportedField(desc protoreflect.MessageDescriptor, name string) *metav1.UnsupportedField {
	fields, _ := proto.GetExtension(desc.Options(), metav1.E_UnsupportedField).([]*metav1.UnsupportedField)
	for _, f := range fields {
		if f.GetName() == name {
			return f
		}
	}
	return nil
}

// spelling is how an enum value is written; false: the value means that nothing is set, and has no spelling of its own.
func spelling(value protoreflect.EnumValueDescriptor) (string, bool) {
	if s, _ := proto.GetExtension(value.Options(), metav1.E_ManifestValue).(string); s != "" {
		return s, true
	}
	return string(value.Name()), value.Number() != 0
}

// fluxField says how a field differs from Flux's; empty: it does not.
func fluxField(fd protoreflect.FieldDescriptor) *metav1.FluxField {
	option, _ := proto.GetExtension(fd.Options(), metav1.E_FluxField).(*metav1.FluxField)
	return option
}

// fluxValue says how an enum value differs from Flux's; empty: it does not.
func fluxValue(value protoreflect.EnumValueDescriptor) *metav1.FluxValue {
	option, _ := proto.GetExtension(value.Options(), metav1.E_FluxValue).(*metav1.FluxValue)
	return option
}
