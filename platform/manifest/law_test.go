// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
)

// TestWhatIsWrittenIsReadBackEqual is the law of the codec, over random objects of every kind, one of which has a field
// of every type. Status and server-side metadata are written by WithStatus and dropped by Decode.
func TestWhatIsWrittenIsReadBackEqual(t *testing.T) {
	everything := everythingType(t)
	codec, err := manifest.NewCodec(&scannerv1.ImageRepository{}, &resolverv1.ImagePolicy{},
		&updaterv1.GitRepository{}, &updaterv1.ImageUpdateAutomation{}, everything.Zero().Interface())
	if err != nil {
		t.Fatal(err)
	}
	types := []protoreflect.MessageType{
		(&scannerv1.ImageRepository{}).ProtoReflect().Type(), (&resolverv1.ImagePolicy{}).ProtoReflect().Type(),
		(&updaterv1.GitRepository{}).ProtoReflect().Type(), (&updaterv1.ImageUpdateAutomation{}).ProtoReflect().Type(),
		everything,
	}
	for _, typ := range types {
		t.Run(string(typ.Descriptor().Name()), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			for range 150 {
				full := randomObject(rnd, typ)
				want := written(full)
				yaml, err := codec.Encode(want)
				if err != nil {
					t.Fatal(err)
				}
				withStatus, err := codec.Encode(full, manifest.WithStatus())
				if err != nil {
					t.Fatal(err)
				}
				json, err := codec.EncodeJSON(want)
				if err != nil {
					t.Fatal(err)
				}
				for name, data := range map[string][]byte{"a.yaml": yaml, "status.yaml": withStatus, "a.json": json} {
					set := codec.Decode(name, data, manifest.Options{})
					if len(set.Objects) != 1 || set.Err() != nil {
						t.Fatalf("%d objects, errors: %v, of\n%s", len(set.Objects), set.Err(), data)
					}
					if diff := cmp.Diff(want, set.Objects[0].Message, protocmp.Transform()); diff != "" {
						t.Fatalf("-want +got:\n%s\nof\n%s", diff, data)
					}
				}
			}
		})
	}
}

// written is what of an object a person writes.
func written(full proto.Message) proto.Message {
	m := proto.Clone(full)
	for i := range m.ProtoReflect().Descriptor().Fields().Len() {
		fd := m.ProtoReflect().Descriptor().Fields().Get(i)
		if fd.Name() != "metadata" && fd.Name() != "spec" {
			m.ProtoReflect().Clear(fd)
		}
	}
	meta := m.ProtoReflect().Mutable(m.ProtoReflect().Descriptor().Fields().ByName("metadata")).Message()
	for _, name := range []protoreflect.Name{"uid", "resource_version", "generation", "creation_timestamp", "managed_by"} {
		meta.Clear(meta.Descriptor().Fields().ByName(name))
	}
	return m
}

func randomObject(rnd *rand.Rand, typ protoreflect.MessageType) proto.Message {
	m := typ.New()
	fill(rnd, m, 0)
	meta := m.Mutable(m.Descriptor().Fields().ByName("metadata")).Message()
	for _, name := range []protoreflect.Name{"name", "namespace"} {
		meta.Set(meta.Descriptor().Fields().ByName(name), protoreflect.ValueOfString("x"+randomString(rnd)))
	}
	return m.Interface()
}

func fill(rnd *rand.Rand, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	set := func(seconds int64, nanos int32) {
		m.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(seconds))
		m.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(nanos))
	}
	switch m.Descriptor().FullName() {
	case "google.protobuf.Duration":
		d := durationpb.New(time.Duration(rnd.Int64N(math.MaxInt64) >> rnd.IntN(62)))
		set(d.GetSeconds(), d.GetNanos())
		return
	case "google.protobuf.Timestamp":
		set(rnd.Int64N(1<<32), rnd.Int32N(1e9))
		return
	}
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if rnd.IntN(3) == 0 || depth > 3 {
			continue
		}
		switch {
		case fd.IsList():
			for range rnd.IntN(3) {
				m.Mutable(fd).List().Append(randomValue(rnd, fd, m.Mutable(fd).List().NewElement, depth))
			}
		case fd.IsMap():
			for range rnd.IntN(3) {
				key := protoreflect.ValueOfString(randomString(rnd)).MapKey()
				m.Mutable(fd).Map().Set(key, randomValue(rnd, fd.MapValue(), m.Mutable(fd).Map().NewValue, depth))
			}
		default:
			m.Set(fd, randomValue(rnd, fd, func() protoreflect.Value { return m.NewField(fd) }, depth))
		}
	}
}

func randomValue(rnd *rand.Rand, fd protoreflect.FieldDescriptor, fresh func() protoreflect.Value, depth int) protoreflect.Value {
	bits := rnd.Uint64() >> rnd.IntN(64)
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(bits&1 == 1)
	case protoreflect.EnumKind:
		values := fd.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(rnd.IntN(values.Len())).Number())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(randomString(rnd))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(randomString(rnd)))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(bits))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(bits))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(bits))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(bits)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(rnd.NormFloat64() * 1e6))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rnd.NormFloat64() * 1e20)
	default:
		v := fresh()
		fill(rnd, v.Message(), depth+1)
		return v
	}
}

// awkward are strings that some reader or writer of YAML has got wrong.
var awkward = []string{
	"", " ", "a", "yes", "No", "on", "y", "N", "true", "null", "~", "<<", "=", "-", "- a", "?", ":", "a: b", "a #b", "#", "0", "007",
	"0o7", "0x1f", "1_000", "1e3", "1:30", "12:30:45", ".5", ".inf", "-.INF", ".nan", "7.8", "7.8.x", "5m", "1m0s", "2026-01-31",
	"2026-01-31T15:04:05Z", "!tag", "&anchor", "*alias", "@at", "`tick`", "%percent", "|", ">", "{a}", "[a]", "{{ .Values }}", "'", "\"",
	"\\", "\\n", "a\nb", "a\nb\n", "a\n\nb\n\n", "\n", "\na", " a\n b", "a \nb", "a\n b\n", "\ta", "a\tb", "a\r\nb", "\r", "\u0085", "\u2028",
	"\u00a0", "é", "日本", "😀", "---", "...", "--- a", "a\n---\nb", "a\n...\n", "$imagepolicy", "^.*\\.sig$", ">=1.0.0 <2.0.0",
	"a\n# b\n", ", ", "a, b", "]", "}", "key:", ":a", "trailing ", "0.", "+1", "0b1", "١", "a.b/c",
}

func randomString(rnd *rand.Rand) string {
	switch rnd.IntN(5) {
	case 0:
		letters := []rune("ab 01:-#\n\t'\"\\{}[],&*!|>%@`é😀.~?")
		s := make([]rune, rnd.IntN(12))
		for i := range s {
			s[i] = letters[rnd.IntN(len(letters))]
		}
		return string(s)
	case 1:
		s := ""
		for range rnd.IntN(20) {
			s += awkward[rnd.IntN(len(awkward))]
		}
		return s
	default:
		return awkward[rnd.IntN(len(awkward))]
	}
}

// everythingType makes a kind that has fields of every type that a manifest can hold.
func everythingType(tb testing.TB) protoreflect.MessageType {
	tb.Helper()
	return dynamicpb.NewMessageType(compile(tb, everythingFile()).Messages().ByName("Everything"))
}

func compile(tb testing.TB, file *descriptorpb.FileDescriptorProto) protoreflect.FileDescriptor {
	tb.Helper()
	fd, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		tb.Fatal(err)
	}
	return fd
}

func everythingFile() *descriptorpb.FileDescriptorProto {
	optional, repeated := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL, descriptorpb.FieldDescriptorProto_LABEL_REPEATED
	field := func(name string, number int32, label descriptorpb.FieldDescriptorProto_Label,
		typ descriptorpb.FieldDescriptorProto_Type, typeName string,
	) *descriptorpb.FieldDescriptorProto {
		f := &descriptorpb.FieldDescriptorProto{Name: proto.String(name), Number: proto.Int32(number), Label: &label, Type: &typ}
		if typeName != "" {
			f.TypeName = proto.String(typeName)
		}
		return f
	}
	message, enum := descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, descriptorpb.FieldDescriptorProto_TYPE_ENUM
	spec := &descriptorpb.DescriptorProto{Name: proto.String("Spec"), Field: []*descriptorpb.FieldDescriptorProto{
		field("again", 40, optional, message, ".test.v1.Spec"),
		field("many", 41, repeated, message, ".test.v1.Spec"),
		field("took", 42, repeated, message, ".google.protobuf.Duration"),
		field("shade", 43, optional, enum, ".test.v1.Shade"),
		field("shades", 44, repeated, enum, ".test.v1.Shade"),
	}}
	number := int32(1)
	for typ := descriptorpb.FieldDescriptorProto_TYPE_DOUBLE; typ <= descriptorpb.FieldDescriptorProto_TYPE_SINT64; typ++ {
		if typ == descriptorpb.FieldDescriptorProto_TYPE_GROUP || typ == message || typ == enum {
			continue
		}
		name := "a_" + typ.String()[len("TYPE_"):]
		spec.Field = append(spec.Field, field(name, number, optional, typ, ""), field(name+"_s", number+1, repeated, typ, ""))
		number += 2
	}
	everything := &descriptorpb.DescriptorProto{
		Name: proto.String("Everything"),
		Field: []*descriptorpb.FieldDescriptorProto{
			field("metadata", 1, optional, message, ".tidemark.meta.v1.ObjectMeta"),
			field("spec", 2, optional, message, ".test.v1.Spec"),
			field("status", 3, optional, message, ".test.v1.Spec"),
		},
		Options: &descriptorpb.MessageOptions{},
	}
	proto.SetExtension(everything.Options, metav1.E_ManifestKind,
		&metav1.ManifestKind{Kind: "Everything", Group: "test.example.com", Versions: []string{"v1"}})
	spec.Options = &descriptorpb.MessageOptions{}
	proto.SetExtension(spec.Options, metav1.E_UnsupportedField, []*metav1.UnsupportedField{
		{Name: "engine", Note: "there is one engine", DefaultValue: "default"},
		{Name: "trust", Note: "nobody is trusted without proof", Refused: true},
	})
	return &descriptorpb.FileDescriptorProto{
		Name: proto.String("test/v1/everything.proto"), Package: proto.String("test.v1"), Syntax: proto.String("proto3"),
		Dependency:  []string{"tidemark/meta/v1/object.proto", "google/protobuf/duration.proto"},
		MessageType: []*descriptorpb.DescriptorProto{everything, spec},
		EnumType: []*descriptorpb.EnumDescriptorProto{{Name: proto.String("Shade"), Value: []*descriptorpb.EnumValueDescriptorProto{
			{Name: proto.String("SHADE_UNSPECIFIED"), Number: proto.Int32(0)}, {Name: proto.String("SHADE_DARK"), Number: proto.Int32(1)},
		}}},
	}
}
