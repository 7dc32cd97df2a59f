// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// TestEveryFieldOfFluxIsKnown walks all of Flux's schemas: each field, in each version, is one of ours or is listed with
// what it means here, so that no manifest written for Flux has an unknown field.
func TestEveryFieldOfFluxIsKnown(t *testing.T) {
	for _, d := range definitions(t) {
		desc, version := contract(t, d)
		if !slices.Contains(version, d.version) {
			t.Errorf("%s: the version is not read", d)
		}
		spec := d.structural.Properties["spec"]
		fields := walk(t, d, "spec", &spec, desc.Fields().ByName("spec").Message())
		t.Logf("%s: %d fields", d, fields)
	}
}

// contract is our message for a kind of Flux's, and the versions that are read.
func contract(t *testing.T, d *definition) (protoreflect.MessageDescriptor, []string) {
	t.Helper()
	for _, m := range kinds() {
		desc := m.ProtoReflect().Descriptor()
		option, _ := proto.GetExtension(desc.Options(), metav1.E_ManifestKind).(*metav1.ManifestKind)
		if option.GetKind() == d.kind && option.GetGroup() == d.group {
			return desc, option.GetVersions()
		}
	}
	t.Fatalf("%s is no kind of ours", d)
	return nil, nil
}

func walk(t *testing.T, d *definition, path string, s *schema.Structural, desc protoreflect.MessageDescriptor) (fields int) {
	t.Helper()
	unsupported, _ := proto.GetExtension(desc.Options(), metav1.E_UnsupportedField).([]*metav1.UnsupportedField)
	for name, property := range s.Properties {
		fields++
		at := path + "." + name
		fd := desc.Fields().ByJSONName(name)
		listed := slices.ContainsFunc(unsupported, func(f *metav1.UnsupportedField) bool { return f.GetName() == name })
		switch {
		case fd == nil && !listed:
			t.Errorf("%s: %s is unknown here", d, at)
		case fd == nil:
		case fd.Kind() == protoreflect.EnumKind:
			values(t, d, at, &property, fd.Enum())
		case fd.Message() == nil || fd.IsMap() || fd.Message().ParentFile().Package() == "google.protobuf":
		case fd.IsList():
			fields += walk(t, d, at, property.Items, fd.Message())
		case property.Items == nil: // A list here is wrapped in a message.
			fields += walk(t, d, at, &property, fd.Message())
		}
	}
	return fields
}

// values checks that each value of an enum of Flux's is one of ours.
func values(t *testing.T, d *definition, path string, s *schema.Structural, desc protoreflect.EnumDescriptor) {
	t.Helper()
	if s.ValueValidation == nil {
		return
	}
	var ours []any
	for i := range desc.Values().Len() {
		ours = append(ours, proto.GetExtension(desc.Values().Get(i).Options(), metav1.E_ManifestValue))
	}
	for _, value := range s.ValueValidation.Enum {
		if !slices.Contains(ours, value.Object) {
			t.Errorf("%s: %s takes %v, and that is unknown here", d, path, value.Object)
		}
	}
}
