// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"sigs.k8s.io/yaml"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
)

var (
	objects = flag.Int("objects", 200, "random objects of each kind")
	seed    = flag.Uint64("seed", 1, "of the random objects")
)

func kinds() []proto.Message {
	return []proto.Message{
		&scannerv1.ImageRepository{}, &scannerv1.Receiver{}, &resolverv1.ImagePolicy{},
		&updaterv1.GitRepository{}, &updaterv1.ImageUpdateAutomation{},
	}
}

func newCodec(tb testing.TB) *manifest.Codec {
	tb.Helper()
	codec, err := manifest.NewCodec(kinds()...)
	if err != nil {
		tb.Fatal(err)
	}
	return codec
}

// eachRandomObject makes objects of each kind that keep the rules of the contracts.
func eachRandomObject(t *testing.T, test func(t *testing.T, m proto.Message)) {
	t.Helper()
	for _, typ := range types() {
		t.Run(string(typ.Descriptor().Name()), func(t *testing.T) {
			g := &generator{rnd: rand.New(rand.NewPCG(*seed, 1))}
			for range *objects {
				m := g.object(typ)
				if err := protovalidate.Validate(m); err != nil {
					t.Fatalf("the generator breaks a rule: %v", err)
				}
				test(t, m)
			}
		})
	}
}

// decodeOne reads one object back.
func decodeOne(t *testing.T, codec *manifest.Codec, name string, data []byte) proto.Message {
	t.Helper()
	set := codec.Decode(name, data, manifest.Options{})
	if len(set.Objects) != 1 || set.Err() != nil {
		t.Fatalf("%d objects, errors: %v, of\n%s", len(set.Objects), set.Err(), data)
	}
	return set.Objects[0].Message
}

// TestValidObjectsAreReadBackEqual is the law of the codec: what is written of an object, in YAML or JSON, by us or by
// another writer of YAML, is the object.
func TestValidObjectsAreReadBackEqual(t *testing.T) {
	codec := newCodec(t)
	eachRandomObject(t, func(t *testing.T, m proto.Message) {
		t.Helper()
		ours, err := codec.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		json, err := codec.EncodeJSON(m)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := yaml.JSONToYAML(json)
		if err != nil {
			t.Fatal(err)
		}
		forms := map[string][]byte{"ours.yaml": ours, "ours.json": json}
		if !strings.Contains(string(json), `"<<"`) {
			// The other writer does not quote a merge key that is none, and cannot read it back either.
			forms["theirs.yaml"] = theirs
		}
		for name, data := range forms {
			if diff := cmp.Diff(m, decodeOne(t, codec, name, data), protocmp.Transform()); diff != "" {
				t.Fatalf("%s: -want +got:\n%s\nof\n%s", name, diff, data)
			}
		}
		again, err := codec.Encode(decodeOne(t, codec, "ours.yaml", ours))
		if err != nil || string(again) != string(ours) {
			t.Fatalf("%v: first\n%s\nthen\n%s", err, ours, again)
		}
	})
}

// TestAnotherReaderUnderstandsTheSame compares what Kubernetes' own reader of YAML makes of our YAML with our JSON.
func TestAnotherReaderUnderstandsTheSame(t *testing.T) {
	codec := newCodec(t)
	eachRandomObject(t, func(t *testing.T, m proto.Message) {
		t.Helper()
		data, err := codec.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		json, err := codec.EncodeJSON(m)
		if err != nil {
			t.Fatal(err)
		}
		var fromYAML, fromJSON any
		if err := yaml.Unmarshal(data, &fromYAML); err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if err := yaml.Unmarshal(json, &fromJSON); err != nil {
			t.Fatalf("%v in\n%s", err, json)
		}
		if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
			t.Fatalf("-JSON +YAML:\n%s\nof\n%s", diff, data)
		}
	})
}

// TestManifestsInTheTreeAreReadBackEqual holds the law over the manifests that people have written.
func TestManifestsInTheTreeAreReadBackEqual(t *testing.T) {
	codec := newCodec(t)
	for _, set := range written(t, codec) {
		for _, o := range set.Objects {
			data, err := codec.Encode(o.Message)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(o.Message, decodeOne(t, codec, "again.yaml", data), protocmp.Transform()); diff != "" {
				t.Errorf("%s: -want +got:\n%s\nof\n%s", o, diff, data)
			}
		}
	}
}

// written are the manifests of the tree's testdata that have no mistake.
func written(t *testing.T, codec *manifest.Codec) []*manifest.Set {
	t.Helper()
	var sets []*manifest.Set
	for _, pattern := range []string{
		"../../platform/manifest/testdata/*/*.yaml", "../testdata/manifests/*.yaml", "../testdata/manifests/*/*.yaml",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			set := codec.Decode(file, data, manifest.Options{})
			if set.Err() != nil && !strings.Contains(file, "errors") {
				t.Errorf("%s: %v", file, set.Err())
			}
			sets = append(sets, set)
		}
	}
	count := 0
	for _, set := range sets {
		count += len(set.Objects)
	}
	if count < 20 {
		t.Errorf("only %d objects were found", count)
	}
	return sets
}
