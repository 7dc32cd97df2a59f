// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
)

// TestWhatIsOursIsLeftOutForFlux compares the form for Flux of each object in testdata/flux, and what is said of it.
// TIDEMARK_UPDATE_GOLDEN=1 writes it anew.
func TestWhatIsOursIsLeftOutForFlux(t *testing.T) {
	codec := newCodec(t)
	set, err := codec.Load("testdata/flux/own_fields.yaml", manifest.Options{})
	if err != nil || set.Err() != nil || len(set.Objects) == 0 {
		t.Fatalf("%d objects, %v, %v", len(set.Objects), err, set.Err())
	}
	var got strings.Builder
	for _, o := range set.Objects {
		data, err := codec.Encode(o.Message, manifest.ForFlux(func(w *manifest.Warning) {
			got.WriteString("# " + w.Kind + " " + w.Namespace + "/" + w.Name + ": " + w.String() + "\n")
		}), manifest.WithStatus())
		if err != nil {
			t.Fatal(err)
		}
		got.Write(data)
	}
	const golden = "testdata/flux/own_fields.golden"
	if os.Getenv("TIDEMARK_UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatIsFluxsIsWrittenForFluxAsItIs(t *testing.T) {
	codec := newCodec(t)
	set, err := codec.Load("testdata/manifests", manifest.Options{})
	if err != nil || set.Err() != nil || len(set.Objects) == 0 {
		t.Fatalf("%d objects, %v, %v", len(set.Objects), err, set.Err())
	}
	for _, o := range set.Objects {
		if policy, is := o.Message.(*resolverv1.ImagePolicy); is && policy.GetSpec().GetPolicy() == nil {
			continue // Flux demands one.
		}
		plain, err := codec.EncodeJSON(o.Message)
		if err != nil {
			t.Fatal(err)
		}
		flux, err := codec.EncodeJSON(o.Message, manifest.ForFlux(func(w *manifest.Warning) { t.Errorf("%s: %s", o, w) }))
		if err != nil {
			t.Fatal(err)
		}
		again := codec.Decode("flux.json", flux, manifest.Options{})
		if len(again.Objects) != 1 || again.Err() != nil {
			t.Fatalf("%v of\n%s", again.Err(), flux)
		}
		if diff := cmp.Diff(o.Message, again.Objects[0].Message, protocmp.Transform()); diff != "" {
			t.Errorf("%s: -want +got:\n%s\nplain:\n%s", o, diff, plain)
		}
	}
}

func TestAKindOfOursIsNotWrittenForFlux(t *testing.T) {
	everything := everythingType(t)
	codec, err := manifest.NewCodec(everything.Zero().Interface())
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.Encode(everything.New().Interface(), manifest.ForFlux(nil))
	if !errors.Is(err, manifest.ErrOwnKind) {
		t.Errorf("got %s, %v", data, err)
	}
}
