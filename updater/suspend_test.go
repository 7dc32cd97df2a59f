// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"testing"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestWhatAnOperatorResumesRuns(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	r.apply(automation("web", "gitops"))
	r.ready("web", "Succeeded", "pushed")
	commits := len(w.log("gitops", "main"))
	for round, each := range []struct {
		version         string
		suspend, resume func() error
		reason          metav1.ErrorReason
	}{
		{"2.0.0", func() error {
			_, err := r.automations.SuspendImageUpdateAutomation(t.Context(), &updaterv1.SuspendImageUpdateAutomationRequest{Name: "web", Actor: "alice"})
			return err
		}, func() error {
			_, err := r.automations.ResumeImageUpdateAutomation(t.Context(), &updaterv1.ResumeImageUpdateAutomationRequest{Name: "web"})
			return err
		}, metav1.ErrorReason_ERROR_REASON_SUSPENDED},
		{"3.0.0", func() error {
			_, err := r.repositories.SuspendGitRepository(t.Context(), &updaterv1.SuspendGitRepositoryRequest{Name: "gitops", Actor: "alice"})
			return err
		}, func() error {
			_, err := r.repositories.ResumeGitRepository(t.Context(), &updaterv1.ResumeGitRepositoryRequest{Name: "gitops"})
			return err
		}, metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY},
	} {
		if err := each.suspend(); err != nil {
			t.Fatal(err)
		}
		w.up.choose("web", "ghcr.io/a/web:"+each.version)
		if _, _, err := r.runNow("web"); rpcerr.Reason(err) != each.reason {
			t.Errorf("a run of what is suspended: %v", err)
		}
		if n := len(w.log("gitops", "main")); n != commits+round {
			t.Errorf("%d commits while it was suspended", n)
		}
		if err := each.resume(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "what was chosen meanwhile is committed", func() bool { return len(w.log("gitops", "main")) == commits+round+1 })
	}
	eventually(t, "the last run that pushed is listed first", func() bool {
		runs, err := r.automations.ListRuns(t.Context(), &updaterv1.ListRunsRequest{
			Name: "web", Outcomes: []updaterv1.RunOutcome{updaterv1.RunOutcome_RUN_OUTCOME_PUSHED}, PageSize: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(runs.GetRuns()) == 1 && runs.GetRuns()[0].GetCommit() == w.log("gitops", "main")[0].ID
	})
}
