// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
)

func repository() *scannerv1.ImageRepository {
	seen := timestamppb.New(time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC))
	return &scannerv1.ImageRepository{
		Metadata: &metav1.ObjectMeta{
			Name: "8-demo", Namespace: "flux-system", Labels: map[string]string{"on": "yes", "app": "1"},
			Uid: "u-1", ResourceVersion: "12", Generation: 3, CreationTimestamp: seen,
		},
		Spec: &scannerv1.ImageRepositorySpec{
			Image: "docker.io/siddharth67/bb-app-flux-demo", Interval: durationpb.New(time.Minute), Timeout: durationpb.New(90 * time.Minute),
			AccessFrom:    &scannerv1.AccessFrom{NamespaceSelectors: []*scannerv1.NamespaceSelector{{}, {MatchLabels: map[string]string{"a": "b"}}}},
			ExclusionList: &scannerv1.ExclusionList{}, Suspend: true,
		},
		Status: &scannerv1.ImageRepositoryStatus{
			Conditions: []*metav1.Condition{{
				Type: "Ready", Status: metav1.ConditionStatus_CONDITION_STATUS_TRUE, ObservedGeneration: 3, LastTransitionTime: seen,
				Reason: "Succeeded", Message: "successful scan: found 2 tags with checksum sha256:0",
			}},
			LastScanResult: &scannerv1.ScanResult{TagCount: 2, ScanTime: seen, LatestTags: []string{"7.8", "7.8.1"}},
		},
	}
}

func TestTheExportFormIsFluxs(t *testing.T) {
	codec := newCodec(t)
	exported, err := codec.Encode(repository())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := codec.Encode(repository(), manifest.WithStatus())
	if err != nil {
		t.Fatal(err)
	}
	inJSON, err := codec.EncodeJSON(repository())
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"export.yaml": exported, "status.yaml": whole, "export.json": inJSON} {
		golden := filepath.Join("testdata", "encode", name)
		if os.Getenv("TIDEMARK_UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(golden, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestSeveralObjectsAreOneListInJSON(t *testing.T) {
	codec := newCodec(t)
	data, err := codec.EncodeJSONList([]proto.Message{repository(), repository()})
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(data) {
		t.Fatalf("no JSON: %s", data)
	}
	set := codec.Decode("stdin", data, manifest.Options{})
	if len(set.Objects) != 1 || len(set.Errors) != 1 {
		t.Errorf("got %v and %v; the second is the first one's double", set.Objects, set.Err())
	}
}

func TestWhatHasNoSpellingIsNotWritten(t *testing.T) {
	for name, spec := range map[string]*scannerv1.ImageRepositorySpec{
		"a duration beyond Go's": {Interval: &durationpb.Duration{Seconds: math.MaxInt32 * 100}},
		"an invalid duration":    {Interval: &durationpb.Duration{Seconds: 1, Nanos: -1}},
	} {
		if data, err := newCodec(t).Encode(&scannerv1.ImageRepository{Spec: spec}); err == nil {
			t.Errorf("%s: got %s", name, data)
		}
	}
	status := &scannerv1.ImageRepositoryStatus{Conditions: []*metav1.Condition{{Status: 77}}}
	if data, err := newCodec(t).EncodeJSON(&scannerv1.ImageRepository{Status: status}, manifest.WithStatus()); err == nil {
		t.Errorf("an unknown enum value: got %s", data)
	}
}
