// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"sigs.k8s.io/yaml"

	"github.com/tidemark-io/tidemark/platform/manifest"
)

// newest finds the schema of each kind's v1 in Flux's newest release.
func newest(t *testing.T) map[string]*definition {
	t.Helper()
	out := map[string]*definition{}
	for _, d := range definitions(t) { // By folder: an older release of a controller comes first.
		if d.version == "v1" {
			out[d.kind] = d
		}
	}
	if len(out) != len(kinds()) {
		t.Fatalf("schemas of %d kinds, want %d", len(out), len(kinds()))
	}
	return out
}

// forFlux is an object as Flux is given it, and what was said.
func forFlux(t *testing.T, codec *manifest.Codec, m proto.Message) (object map[string]any, data []byte, warnings []*manifest.Warning) {
	t.Helper()
	data, err := codec.Encode(m, manifest.ForFlux(func(w *manifest.Warning) { warnings = append(warnings, w) }))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	if err := json.Unmarshal(asJSON, &object); err != nil {
		t.Fatal(err)
	}
	return object, data, warnings
}

func TestFluxAcceptsWhatIsWrittenForIt(t *testing.T) {
	codec, schemas := newCodec(t), newest(t)
	silent, warned := 0, 0
	eachRandomObject(t, func(t *testing.T, m proto.Message) {
		t.Helper()
		object, data, warnings := forFlux(t, codec, m)
		kind, _ := object["kind"].(string)
		if errs := schemas[kind].check(context.Background(), object); len(errs) > 0 {
			t.Fatalf("%s refuses: %v\n%s", schemas[kind], errs.ToAggregate(), data)
		}
		if len(warnings) > 0 {
			warned++
		} else {
			silent++
		}
		// All that is lost has been named: without the named fields both are the same.
		want, got := proto.Clone(m), decodeOne(t, codec, "flux.yaml", data)
		for i := len(warnings) - 1; i >= 0; i-- {
			forget(want.ProtoReflect(), warnings[i].Path)
			if !strings.HasSuffix(warnings[i].Path, "]") {
				forget(got.ProtoReflect(), warnings[i].Path)
			}
		}
		if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreEmptyMessages()); diff != "" {
			t.Fatalf("-want +got:\n%s\nsaid: %v\nof\n%s", diff, warnings, data)
		}
	})
	if silent == 0 || warned == 0 {
		t.Errorf("%d objects with and %d without a warning prove nothing", warned, silent)
	}
}

func TestFluxAcceptsTheManifestsInTheTree(t *testing.T) {
	codec, schemas := newCodec(t), newest(t)
	for _, set := range written(t, codec) {
		for _, o := range set.Objects {
			if protovalidate.Validate(o.Message) != nil {
				continue // What no service takes need not be Flux's.
			}
			object, data, _ := forFlux(t, codec, o.Message)
			if errs := schemas[o.Kind].check(context.Background(), object); len(errs) > 0 {
				t.Errorf("%s: %s refuses: %v\n%s", o, schemas[o.Kind], errs.ToAggregate(), data)
			}
		}
	}
}

// TestTheSchemasAreEnforced breaks an object that is accepted in each way that the tests above rely on.
func TestTheSchemasAreEnforced(t *testing.T) {
	policy := newest(t)["ImagePolicy"]
	receiver := newest(t)["Receiver"]
	good := func(kind string, spec map[string]any) map[string]any {
		d := map[string]*definition{"ImagePolicy": policy, "Receiver": receiver}[kind]
		return map[string]any{
			"apiVersion": d.apiVersion(), "kind": kind, "metadata": map[string]any{"name": "app", "namespace": "flux-system"}, "spec": spec,
		}
	}
	policySpec := map[string]any{"imageRepositoryRef": map[string]any{"name": "app"}, "policy": map[string]any{}}
	receiverSpec := map[string]any{"type": "github", "secretRef": map[string]any{"name": "a"}, "resources": []any{}}
	with := func(spec map[string]any, key string, value any) map[string]any {
		spec = maps.Clone(spec)
		if spec[key] = value; value == nil {
			delete(spec, key)
		}
		return spec
	}
	for name, c := range map[string]struct {
		object map[string]any
		want   string
	}{
		"accepted":             {good("ImagePolicy", policySpec), ""},
		"a receiver":           {good("Receiver", receiverSpec), ""},
		"an unknown field":     {good("ImagePolicy", with(policySpec, "minimumAge", map[string]any{})), "unknown field"},
		"a missing field":      {good("ImagePolicy", with(policySpec, "policy", nil)), "spec.policy: Required value"},
		"an unknown value":     {good("ImagePolicy", with(policySpec, "digestReflectionPolicy", "never")), "Unsupported value"},
		"a wrong type":         {good("ImagePolicy", with(policySpec, "suspend", "true")), "must be of type boolean"},
		"a pattern":            {good("Receiver", with(receiverSpec, "interval", "5µs")), "should match"},
		"a rule in CEL":        {good("ImagePolicy", with(policySpec, "interval", "5m")), "only accepted when"},
		"another rule in CEL":  {good("Receiver", with(receiverSpec, "type", "generic-oidc")), "oidcProvider"},
		"a kind of own values": {good("Receiver", with(receiverSpec, "type", "ghcr")), "Unsupported value"},
	} {
		t.Run(name, func(t *testing.T) {
			d := map[any]*definition{"ImagePolicy": policy, "Receiver": receiver}[c.object["kind"]]
			errs := d.check(context.Background(), c.object)
			switch {
			case c.want == "" && len(errs) > 0:
				t.Error(errs.ToAggregate())
			case c.want != "" && len(errs) == 0:
				t.Error("accepted")
			case c.want != "" && !strings.Contains(errs.ToAggregate().Error(), c.want):
				t.Errorf("got %v, want %s", errs.ToAggregate(), c.want)
			}
		})
	}
}
