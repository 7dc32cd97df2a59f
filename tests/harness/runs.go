// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"testing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

// Runs are the recorded runs of an automation with one of these outcomes, or all of them, oldest first.
func (w *World) Runs(t *testing.T, name string, outcomes ...updaterv1.RunOutcome) []*updaterv1.Run {
	t.Helper()
	var all []*updaterv1.Run
	in := &updaterv1.ListRunsRequest{Name: name, Outcomes: outcomes}
	for {
		page, err := w.Automations().ListRuns(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range page.GetRuns() {
			all = append([]*updaterv1.Run{run}, all...)
		}
		if in.PageToken = page.GetNextPageToken(); in.GetPageToken() == "" {
			return all
		}
	}
}

// Pushed are the runs of an automation that made a commit, oldest first.
func (w *World) Pushed(t *testing.T, name string) []*updaterv1.Run {
	t.Helper()
	return w.Runs(t, name, updaterv1.RunOutcome_RUN_OUTCOME_PUSHED)
}
