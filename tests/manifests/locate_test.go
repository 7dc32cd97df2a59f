// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tidemark-io/tidemark/platform/manifest"
)

// TestAComplaintIsShownAtItsField names every field that is set as a service does, and looks for it in the line that a
// complaint about it shows.
func TestAComplaintIsShownAtItsField(t *testing.T) {
	codec := newCodec(t)
	named := 0
	eachRandomObject(t, func(t *testing.T, m proto.Message) {
		t.Helper()
		data, err := codec.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		set := codec.Decode("app.yaml", data, manifest.Options{})
		if len(set.Objects) != 1 {
			t.Fatal(set.Err())
		}
		lines := strings.Split(string(data), "\n")
		spec := m.ProtoReflect().Descriptor().Fields().ByName("spec")
		eachField("spec", m.ProtoReflect().Get(spec).Message(), func(path, want string) {
			named++
			e := set.Objects[0].Violation(path, "no")
			if e.Line < 1 || !strings.Contains(lines[e.Line-1], want) {
				t.Errorf("%s: line %d, and no %s in it, of\n%s", path, e.Line, want, data)
			}
			if e.Column < 1 || !strings.Contains(e.Excerpt(), "^") {
				t.Errorf("%s: column %d, %s", path, e.Column, e.Excerpt())
			}
		})
	})
	if named == 0 {
		t.Error("no field was named")
	}
}

// eachField hands out the paths of all fields that are set, as a service spells them, and what a line of theirs holds.
func eachField(path string, m protoreflect.Message, yield func(path, want string)) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at, want := path+"."+string(fd.Name()), fd.JSONName()+":"
		if m.Descriptor().Name() == "ExclusionList" {
			want = "exclusionList:" // The message is written as its list.
		}
		yield(at, want)
		switch {
		case fd.IsMap():
		case fd.IsList():
			for i := range v.List().Len() {
				item := fmt.Sprintf("%s[%d]", at, i)
				yield(item, "-")
				if fd.Message() != nil {
					eachField(item, v.List().Get(i).Message(), yield)
				}
			}
		case fd.Message() != nil && fd.Message().ParentFile().Package() != "google.protobuf":
			eachField(at, v.Message(), yield)
		}
		return true
	})
}
