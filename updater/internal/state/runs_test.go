// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

func TestRunsAreKeptWithTheirAutomationAndNoLonger(t *testing.T) {
	st := storetest.Open(t)
	automations := state.NewAutomations(st, grpctest.Telemetry(t, nil).Logger())
	runs := state.NewRuns(st, automations)
	key := object.KeyOf("", "web")
	if err := runs.Put(t.Context(), key, &updaterv1.Run{Id: "1"}); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("a record without an automation: %v", err)
	}
	for _, name := range []string{"web", "web2"} {
		if _, _, err := automations.Apply(t.Context(), &updaterv1.ImageUpdateAutomation{
			Metadata: &metav1.ObjectMeta{Name: name}, Spec: &updaterv1.ImageUpdateAutomationSpec{Interval: durationpb.New(1)},
		}, object.ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	other := object.KeyOf("", "web2")
	for i := range 60 {
		r := &updaterv1.Run{Id: fmt.Sprintf("%04d", i), EndTime: timestamppb.Now()}
		if i == 3 {
			r.EndTime = nil
		}
		if err := errors.Join(runs.Put(t.Context(), key, r), runs.Put(t.Context(), other, &updaterv1.Run{Id: "1", EndTime: timestamppb.Now()})); err != nil {
			t.Fatal(err)
		}
	}
	if err := runs.Prune(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	kept, err := runs.List(t.Context(), key)
	if err != nil || len(kept) != 51 || kept[0].GetId() != "0003" || kept[1].GetId() != "0010" {
		t.Errorf("kept %d, from %v: %v", len(kept), kept[0], err)
	}
	open, err := runs.Unfinished(t.Context(), key)
	if err != nil || len(open) != 1 || open[0].GetId() != "0003" {
		t.Errorf("unfinished: %v, %v", open, err)
	}
	if with, err := runs.WithUnfinished(t.Context()); err != nil || len(with) != 1 || !with[key] {
		t.Errorf("with unfinished: %v, %v", with, err)
	}
	if err := automations.Delete(t.Context(), key, runs.DropAllOp(key)); err != nil {
		t.Fatal(err)
	}
	left, err := runs.List(t.Context(), key)
	others, err2 := runs.List(t.Context(), other)
	if err != nil || err2 != nil || len(left) != 0 || len(others) != 1 {
		t.Errorf("after the deletion: %v, %v", left, others)
	}
}
