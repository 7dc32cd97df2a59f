// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
)

// The manifests that people bring: the lesson's and Flux's own spellings, v1beta1 to v1.
const threeSteps = `# Scan, select, commit.
apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImageRepository
metadata:
  name: my-app
  namespace: apps
spec:
  image: registry.example.com/my-app
  interval: 1m0s
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata:
  name: my-app
spec:
  imageRepositoryRef:
    name: my-app
    namespace: apps
  policy:
    alphabetical:
      order: desc
  filterTags:
    pattern: '^main-(?P<ts>.*)$'
    extract: $ts
  digestReflectionPolicy: IfNotPresent
---
apiVersion: image.toolkit.fluxcd.io/v1beta1
kind: ImageUpdateAutomation
metadata:
  name: flux-system
spec:
  interval: 30m
  sourceRef:
    kind: GitRepository
    name: gitops-config
  git:
    commit:
      author:
        email: fluxcdbot@example.com
      messageTemplate: "update {{range .Updated.Images}}{{.}}{{end}}"
    push:
      branch: main
  policySelector:
    matchExpressions:
    - key: tier
      operator: NotIn
      values: [test, "1"]
  update:
    path: ./apps
    strategy: Setters
`

func TestTheLessonsManifestsAreTakenAsTheyAre(t *testing.T) {
	set, err := newCodec(t).Load("testdata/manifests", manifest.Options{})
	if err != nil || set.Err() != nil || len(set.Warnings) > 0 || len(set.Skipped) > 0 {
		t.Fatal(err, set.Err(), set.Warnings, set.Skipped)
	}
	want := []string{
		"ImageRepository flux-system/8-demo-image-repo-bb-app (testdata/manifests/lesson.yaml:3)",
		"ImagePolicy flux-system/8-demo-image-policy-bb-app (testdata/manifests/lesson.yaml:12)",
		"ImagePolicy flux-system/podinfo-rc-policy (testdata/manifests/selectors.yaml:3)",
		"ImagePolicy flux-system/minio-latest (testdata/manifests/selectors.yaml:16)",
		"ImageRepository flux-system/my-app (testdata/manifests/three-steps.yaml:2)",
		"ImagePolicy flux-system/my-app (testdata/manifests/three-steps.yaml:11)",
		"ImageUpdateAutomation flux-system/flux-system (testdata/manifests/three-steps.yaml:23)",
	}
	got := make([]string, len(set.Objects))
	for i, o := range set.Objects {
		got[i] = o.String()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestManifestsBecomeMessages(t *testing.T) {
	set := newCodec(t).Decode("steps.yaml", []byte(threeSteps), manifest.Options{})
	if err := set.Err(); err != nil || len(set.Warnings) > 0 {
		t.Fatal(err, set.Warnings)
	}
	want := []proto.Message{
		&scannerv1.ImageRepository{
			Metadata: &metav1.ObjectMeta{Name: "my-app", Namespace: "apps"},
			Spec:     &scannerv1.ImageRepositorySpec{Image: "registry.example.com/my-app", Interval: durationpb.New(60e9)},
		},
		&resolverv1.ImagePolicy{
			Metadata: &metav1.ObjectMeta{Name: "my-app", Namespace: "flux-system"},
			Spec: &resolverv1.ImagePolicySpec{
				ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: "my-app", Namespace: "apps"},
				Policy: &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Alphabetical{
					Alphabetical: &resolverv1.AlphabeticalPolicy{Order: resolverv1.SortOrder_SORT_ORDER_DESC},
				}},
				FilterTags:             &resolverv1.TagFilter{Pattern: "^main-(?P<ts>.*)$", Extract: "$ts"},
				DigestReflectionPolicy: resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_IF_NOT_PRESENT,
			},
		},
		&updaterv1.ImageUpdateAutomation{
			Metadata: &metav1.ObjectMeta{Name: "flux-system", Namespace: "flux-system"},
			Spec: &updaterv1.ImageUpdateAutomationSpec{
				Interval:  durationpb.New(1800e9),
				SourceRef: &updaterv1.SourceReference{Kind: "GitRepository", Name: "gitops-config"},
				Git: &updaterv1.GitSpec{
					Commit: &updaterv1.CommitSpec{
						Author:          &updaterv1.CommitAuthor{Email: "fluxcdbot@example.com"},
						MessageTemplate: "update {{range .Updated.Images}}{{.}}{{end}}",
					},
					Push: &updaterv1.PushSpec{Branch: "main"},
				},
				PolicySelector: &updaterv1.LabelSelector{MatchExpressions: []*updaterv1.LabelSelectorRequirement{
					{Key: "tier", Operator: updaterv1.SelectorOperator_SELECTOR_OPERATOR_NOT_IN, Values: []string{"test", "1"}},
				}},
				Update: &updaterv1.UpdateStrategy{Path: "./apps", Strategy: updaterv1.Strategy_STRATEGY_SETTERS},
			},
		},
	}
	got := make([]proto.Message, len(set.Objects))
	for i, o := range set.Objects {
		got[i] = o.Message
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestSpellingsThatMeanTheSame(t *testing.T) {
	const head = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: app, labels: {a: b}}\n"
	for name, pair := range map[string][2]string{
		"null is absent":               {"spec: {image: a, timeout: null, exclusionList: ~, accessFrom: }", "spec: {image: a}"},
		"an alias is its anchor":       {"spec: {image: &i a, secretRef: {name: *i}}", "spec: {image: a, secretRef: {name: a}}"},
		"merge keys are written out":   {"spec:\n  <<: {image: x, insecure: true}\n  image: a", "spec: {image: a, insecure: true}"},
		"the first merged mapping won": {"spec:\n  <<: [{image: a}, {image: b, suspend: true}]", "spec: {image: a, suspend: true}"},
		"a merge of a merge":           {"spec:\n  <<: {<<: {image: a}, suspend: true}", "spec: {image: a, suspend: true}"},
		"old words for booleans":       {"spec: {image: a, insecure: yes, suspend: Off}", "spec: {image: a, insecure: true, suspend: false}"},
		"durations in any unit":        {"spec: {image: a, interval: 90s, timeout: 0.5h}", "spec: {image: a, interval: 1m30s, timeout: 30m}"},
		"a date is a string":           {"spec: {image: 2026-01-31}", `spec: {image: "2026-01-31"}`},
		"a tagged string":              {"spec: {image: !!str 7.8}", `spec: {image: "7.8"}`},
		"CRLF and a byte order mark":   {"\r\nspec:\r\n  image: a\r\n", "spec: {image: a}"},
		"status is dropped":            {"spec: {image: a}\nstatus: {anything: [1, {at: all}]}", "spec: {image: a}"},
		"overrides are dropped":        {"spec: {image: a}\noverride: {suspension: {actor: me}}", "spec: {image: a}"},
		"a null label is empty":        {"spec: {accessFrom: {namespaceSelectors: [{matchLabels: {a: }}]}}", `spec: {accessFrom: {namespaceSelectors: [{matchLabels: {a: ""}}]}}`},
		"a number as a key":            {"spec: {accessFrom: {namespaceSelectors: [{matchLabels: {7: a}}]}}", `spec: {accessFrom: {namespaceSelectors: [{matchLabels: {"7": a}}]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			var got [2]proto.Message
			for i, spec := range pair {
				set := newCodec(t).Decode("x.yaml", []byte("\uFEFF"+head+spec), manifest.Options{})
				if len(set.Objects) != 1 || set.Err() != nil {
					t.Fatalf("%s: %d objects, %v", spec, len(set.Objects), set.Err())
				}
				got[i] = set.Objects[0].Message
			}
			if diff := cmp.Diff(got[1], got[0], protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnEmptyExclusionListIsNotAnAbsentOne(t *testing.T) {
	const text = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: app}\nspec: {%s}\n"
	for spec, want := range map[string]*scannerv1.ExclusionList{
		"exclusionList: []":            {},
		"exclusionList: ['^x$', '^y']": {Patterns: []string{"^x$", "^y"}},
		"exclusionList: null":          nil,
		"image: a":                     nil,
	} {
		set := newCodec(t).Decode("x.yaml", fmt.Appendf(nil, text, spec), manifest.Options{})
		if len(set.Objects) != 1 {
			t.Fatalf("%s: %v", spec, set.Err())
		}
		got := set.Objects[0].Message.(*scannerv1.ImageRepository).GetSpec().GetExclusionList()
		if (got == nil) != (want == nil) || !proto.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", spec, got, want)
		}
	}
}

func TestServerSideMetadataIsDropped(t *testing.T) {
	const text = `apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata:
  name: app
  uid: 1b4db7eb-4057-5ddf-91e0-36dec72071f5
  resourceVersion: "123"
  generation: 4
  creationTimestamp: 2026-01-31T15:04:05Z
  managedFields: [{manager: kubectl}]
  ownerReferences: []
  finalizers: [finalizers.fluxcd.io]
  selfLink: /x
  generateName: app-
  managedBy: cli
  labels: {a: b}
  annotations: {c: d}
`
	set := newCodec(t).Decode("x.yaml", []byte(text), manifest.Options{Namespace: "team"})
	if len(set.Objects) != 1 {
		t.Fatal(set.Err())
	}
	want := &metav1.ObjectMeta{
		Name: "app", Namespace: "team", Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"},
	}
	if diff := cmp.Diff(want, set.Objects[0].Metadata(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestOtherKindsAreSkippedAndCounted(t *testing.T) {
	const text = `# Nothing but a comment.
---
---
...
%YAML 1.2
---
apiVersion: v1
kind: ConfigMap
data: {"a: b": 1, x: 1, x: 2}
...
---
apiVersion: v1
kind: List
items:
- {apiVersion: apps/v1, kind: Deployment}
- {apiVersion: apps/v1, kind: Deployment}
- {apiVersion: image.toolkit.fluxcd.io/v1, kind: ImagePolicy, metadata: {name: a}}
- {apiVersion: image.toolkit.fluxcd.io/v1, kind: ImagePolicy, metadata: {name: b}, spec: {oops: 1}}
- {apiVersion: v1, kind: Namespace, metadata: {name: a}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicyList
items:
- metadata: {name: c}
`
	set := newCodec(t).Decode("x.yaml", []byte(text), manifest.Options{})
	if diff := cmp.Diff(map[string]int{"ConfigMap": 1, "Deployment": 2, "Namespace": 1}, set.Skipped); diff != "" {
		t.Error(diff)
	}
	if len(set.Objects) != 2 || len(set.Errors) != 1 || set.Errors[0].Name != "b" || set.Errors[0].Line != 18 {
		t.Errorf("objects %v, errors %v", set.Objects, set.Err())
	}
}

func TestJSONIsReadAsWell(t *testing.T) {
	const text = "{\n\t\"apiVersion\": \"image.toolkit.fluxcd.io\\/v1\", \"kind\": \"ImagePolicy\",\n" +
		"\t\"metadata\": {\"name\": \"a\", \"annotations\": {\"k\": \"\\uD83D\\uDE00 \\u00e9\"}},\n\t\"spec\": {\"suspend\": true}\n}\n"
	set := newCodec(t).Decode("x.json", []byte(text), manifest.Options{})
	if len(set.Objects) != 1 || set.Err() != nil {
		t.Fatal(set.Err())
	}
	if got := set.Objects[0].Metadata().GetAnnotations()["k"]; got != "😀 é" {
		t.Errorf("got %q", got)
	}
}

func TestSecretsAndNamespacesAreReadOnlyIfAskedFor(t *testing.T) {
	const text = `apiVersion: v1
kind: Secret
metadata: {name: app, namespace: apps}
type: Opaque
data: {a: aHVudGVyMg==, b: aHVudGVyMw==, e: }
stringData: {b: over}
---
apiVersion: v1
kind: Namespace
metadata: {name: apps, labels: {team: a}}
spec: {finalizers: [kubernetes]}
`
	codec := newCodec(t)
	set := codec.Decode("x.yaml", []byte(text), manifest.Options{Secrets: true, Namespaces: true})
	if set.Err() != nil || len(set.Secrets) != 1 || len(set.Namespaces) != 1 || len(set.Skipped) != 0 {
		t.Fatalf("%v %v", set, set.Err())
	}
	want := map[string][]byte{"a": []byte("hunter2"), "b": []byte("over"), "e": {}}
	if diff := cmp.Diff(want, set.Secrets[0].Data); diff != "" {
		t.Error(diff)
	}
	if ns := set.Namespaces[0]; ns.Name != "apps" || ns.Labels["team"] != "a" || ns.Line != 8 {
		t.Errorf("got %+v", ns)
	}
	for _, printed := range []string{
		fmt.Sprint(set.Secrets[0]), fmt.Sprintf("%+v %#v %s", set.Secrets[0], set.Secrets[0], set.Secrets), set.Secrets[0].LogValue().String(),
	} {
		if strings.Contains(printed, "hunter2") || strings.Contains(printed, "104 117") || strings.Contains(printed, "68756e746572") {
			t.Errorf("the secret is printed: %s", printed)
		}
	}
	set = codec.Decode("x.yaml", []byte(text), manifest.Options{})
	if len(set.Secrets)+len(set.Namespaces) > 0 || set.Skipped["Secret"] != 1 || set.Skipped["Namespace"] != 1 || len(set.Warnings) != 1 {
		t.Errorf("got %+v", set)
	}
}

func TestNoErrorShowsASecret(t *testing.T) {
	for _, text := range []string{
		"{kind: Secret, apiVersion: v1, metadata: {name: a, nme: b}, stringData: {p: hunter2, p: 1}}",
		"{apiVersion: v1, kind: List, items: [{kind: ImagePolicy}, {kind: Secret, apiVersion: v1, data: {p: hunter2}}]}",
		"kind: Secret\nstringData: {p: hunter2",
		"kind:\n  \"Secret\"\nstringData: {p: !x hunter2, q: [hunter2], hunter2}\napiVersion: v1\n",
		"apiVersion: v1\nkind: !!str Secret\nstringData: hunter2\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {p: \x01hunter2}\n",
		"apiVersion: v1\nmetadata: &hunter2 x\nstringData: {a: *hunter}\nkind: Secret\n",
	} {
		set := newCodec(t).Decode("x.yaml", []byte(text), manifest.Options{Secrets: true})
		if len(set.Errors) == 0 {
			t.Errorf("no error: %s", text)
		}
		for _, e := range set.Errors {
			if strings.Contains(e.Detail(), "hunter2") {
				t.Errorf("of %q it says %s", text, e.Detail())
			}
		}
	}
}

func TestAServicesComplaintIsShownAtItsLine(t *testing.T) {
	const text = `apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata:
  name: app
  labels:
    a.b/c: d
spec:
  image: example.com/app
  interval: 9000h
  exclusionList:
  - ^a$
  - ""
  accessFrom:
    namespaceSelectors:
    - matchLabels: {x: y}
`
	set := newCodec(t).Decode("x.yaml", []byte(text), manifest.Options{})
	if len(set.Objects) != 1 {
		t.Fatal(set.Err())
	}
	o := set.Objects[0]
	for path, want := range map[string]string{
		"spec.interval":                                             "9:13 spec.interval",
		"image_repository.spec.interval":                            "9:13 spec.interval",
		"spec.exclusion_list.patterns[1]":                           "12:5 spec.exclusionList[1]",
		"spec.exclusionList[1]":                                     "12:5 spec.exclusionList[1]",
		"spec.exclusion_list.patterns":                              "10:3 spec.exclusionList",
		`metadata.labels["a.b/c"]`:                                  `6:12 metadata.labels["a.b/c"]`,
		`spec.access_from.namespace_selectors[0].match_labels["x"]`: `15:24 spec.accessFrom.namespaceSelectors[0].matchLabels["x"]`,
		"spec.secret_ref.name":                                      "7:1 spec.secretRef.name",
		"spec":                                                      "7:1 spec",
		"":                                                          "1:1 ",
		"nowhere[0].to[":                                            "1:1 nowhere[0].to[",
		`x["`:                                                       `1:1 x["`,
	} {
		line, column := o.Locate(path)
		if got := fmt.Sprintf("%d:%d %s", line, column, o.ManifestPath(path)); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	const want = `x.yaml:9:13: spec.interval: must be at most a year
  in ImageRepository flux-system/app
    9 |   interval: 9000h
      |             ^`
	if got := o.Violation("image_repository.spec.interval", "must be at most a year").Detail(); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestWhatMayBeInAnUnreadableDocumentIsNotGone(t *testing.T) {
	const ours = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: %s}\nspec: {%s}\n---\n"
	codec := newCodec(t)
	whole := codec.Decode("x.yaml", fmt.Appendf(nil, ours+ours, "a", "", "b", "oops: 1"), manifest.Options{})
	for name, want := range map[string]bool{"a": true, "b": true, "c": false} {
		if got := whole.MayHold("ImagePolicy", "flux-system", name); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	broken := codec.Decode("x.yaml", fmt.Appendf(nil, ours+"a: b: c\n", "a", ""), manifest.Options{})
	if !broken.MayHold("ImagePolicy", "flux-system", "c") {
		t.Error("c may be in the document that is no YAML")
	}
	unnamed := codec.Decode("x.yaml", fmt.Appendf(nil, ours, "5", ""), manifest.Options{})
	if !unnamed.MayHold("ImagePolicy", "flux-system", "c") {
		t.Error("c may be the document whose name cannot be read")
	}
}

func TestOnlyKindsMakeACodec(t *testing.T) {
	if _, err := manifest.NewCodec(&metav1.ObjectMeta{}); !errors.Is(err, manifest.ErrNotAKind) {
		t.Errorf("got %v", err)
	}
	if _, err := manifest.NewCodec(&scannerv1.ImageRepository{}, (*scannerv1.ImageRepository)(nil)); !errors.Is(err, manifest.ErrNotAKind) {
		t.Errorf("got %v", err)
	}
	if _, err := newCodec(t).Encode(&metav1.ObjectMeta{}); !errors.Is(err, manifest.ErrNotAKind) {
		t.Errorf("got %v", err)
	}
}

func TestFieldsThatAreNotActedOnAreSkippedOrRefused(t *testing.T) {
	codec, err := manifest.NewCodec(everythingType(t).Zero().Interface())
	if err != nil {
		t.Fatal(err)
	}
	const everything = "apiVersion: test.example.com/v1\nkind: Everything\nmetadata: {name: app}\nspec: {%s}\n"
	for text, want := range map[string]struct{ warnings, errors int }{
		"engine: default": {}, "engine: other": {warnings: 1}, "trust: false": {}, "trust: anybody": {errors: 1},
	} {
		set := codec.Decode("app.yaml", fmt.Appendf(nil, everything, text), manifest.Options{})
		if len(set.Warnings) != want.warnings || len(set.Errors) != want.errors || len(set.Objects) != 1-want.errors {
			t.Errorf("%s: %d objects, warnings %v, errors %v; want %+v", text, len(set.Objects), set.Warnings, set.Errors, want)
		}
	}
}
