// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

func TestGetShowsWhatAnAutomationHolds(t *testing.T) {
	s := newServices()
	const sentence = "app:2 stands: commit 5f21c2e, which wrote app:3, was undone; `tidemark resume image update app --force` writes it again"
	s.automations = newShelf([]*updaterv1.ImageUpdateAutomation{{
		Metadata: metadata("flux-system", "app", nil),
		Spec:     &updaterv1.ImageUpdateAutomationSpec{SourceRef: &updaterv1.SourceReference{Name: "infra"}},
		Status: &updaterv1.ImageUpdateAutomationStatus{
			Conditions: isReady("repository up-to-date"), LastAutomationRunTime: timestamppb.New(noon),
			Warnings: []string{"apps/chart.yaml: the file is not YAML", "apps/app.yaml:3: " + sentence},
			Held: []*updaterv1.HeldValue{
				{Path: "apps/app.yaml", Line: 3, Message: sentence},
				{Path: "apps/other.yaml", Line: 7, Value: "b:2", ProposedValue: "b:1"},
			},
		},
	}})
	address := s.serve(t)
	const told = "⚠ apps/chart.yaml: the file is not YAML\n⚠ apps/app.yaml:3: " + sentence + "\n" +
		"⚠ apps/other.yaml:7: held at b:2, though the policy says b:1\n"
	const table = "NAME\tLAST RUN            \tSUSPENDED\tREADY\tMESSAGE\napp \t2026-08-01T12:00:00Z\tFalse    \tTrue \trepository up-to-date; 2 values held\n"
	tidemark(t, address, "get", "image", "update").wants(t, terminal{out: table})
	tidemark(t, address, "get", "image", "update", "app").wants(t, terminal{out: table, err: told})
	tidemark(t, address, "get", "image", "update", "app", "-o", "wide").wants(t, terminal{err: told,
		out: "NAME\tLAST RUN            \tSUSPENDED\tSOURCE\tLAST PUSH\tHELD\tWARNINGS\tSUSPENDED BY\tMANAGED BY\tREADY\tMESSAGE\n" +
			"app \t2026-08-01T12:00:00Z\tFalse    \tinfra \t         \t2   \t2       \t            \tcli       \tTrue \trepository up-to-date; 2 values held\n"})
	if got := tidemark(t, address, "get", "image", "update", "app", "-o", "yaml"); got.err != "" || got.code != 0 {
		t.Errorf("got %+v", got)
	}
}
