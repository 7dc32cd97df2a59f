// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"strings"
	"testing"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// held waits until the automation holds that many values, and returns its status.
func (r *running) held(name string, n int) *updaterv1.ImageUpdateAutomationStatus {
	r.t.Helper()
	var status *updaterv1.ImageUpdateAutomationStatus
	eventually(r.t, name+" holds values", func() bool {
		status = r.get(name).GetStatus()
		return len(status.GetHeld()) == n
	})
	return status
}

// says is whether a file of main has the text.
func (w *world) says(path, text string) func() bool {
	return func() bool { return strings.Contains(w.file("gitops", "main", path), text) }
}

func TestATagThatVanishesTakesNothingBack(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	r.apply(automation("web", "gitops"))
	r.ready("web", "Succeeded", "pushed")
	w.up.choose("web", "ghcr.io/a/web:0.9.0") // somebody has deleted 1.0.1 and 1.0.0 from the registry
	status := r.held("web", 1)
	h := status.GetHeld()[0]
	if h.GetReason() != updaterv1.HoldReason_HOLD_REASON_DOWNGRADE || h.GetPath() != "web.yaml" || h.GetLine() != 5 || h.GetNode() != "spec.image" ||
		h.GetValue() != "ghcr.io/a/web:1.0.1" || h.GetProposedValue() != "ghcr.io/a/web:0.9.0" || h.GetSetter() != "flux-system:web" {
		t.Errorf("held: %v", h)
	}
	if len(status.GetWarnings()) != 1 || !strings.HasPrefix(status.GetWarnings()[0], "web.yaml:5: ") {
		t.Errorf("warnings: %q", status.GetWarnings())
	}
	_, run, err := r.runNow("web")
	if err != nil || run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE || len(run.GetHeld()) != 1 {
		t.Errorf("run: %v, %v", run, err)
	}
	if n := len(w.log("gitops", "main")); n != 2 {
		t.Errorf("%d commits", n)
	}
	w.up.choose("web", "ghcr.io/a/web:1.0.2")
	eventually(t, "a newer tag is written", w.says("web.yaml", ":1.0.2'"))
	r.held("web", 0)
}

func TestADowngradeThatSomebodyMeansIsWritten(t *testing.T) {
	for name, mean := range map[string]func(*world, *running){
		"another spec of the policy": func(w *world, _ *running) {
			w.up.choose("web", "ghcr.io/a/web:0.9.0", meant("^0"))
		},
		"an operator's hold": func(w *world, _ *running) {
			w.up.hold("web", "0.9.0")
		},
		"allowDowngrade": func(_ *world, r *running) {
			a := automation("web", "gitops")
			a.Spec.AllowDowngrade = true
			r.apply(a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := usual(t)
			r.applySource(w.source("gitops"))
			r.apply(automation("web", "gitops"))
			r.ready("web", "Succeeded", "pushed")
			w.up.choose("web", "ghcr.io/a/web:0.9.0")
			r.held("web", 1)
			mean(w, r)
			eventually(t, "the older tag is written", w.says("web.yaml", ":0.9.0'"))
			r.held("web", 0)
		})
	}
}

func TestARevertIsRespectedUntilThePolicyMovesOnOrSomebodyForcesIt(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	r.apply(automation("web", "gitops"))
	ours := r.ready("web", "Succeeded", "pushed").GetStatus().GetLastPushCommit()
	if _, err := w.git.Commit("gitops", "main", map[string]string{
		"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0"), "copy.yaml": deployment("web", "ghcr.io/a/web:1.0.0"),
	}, "Revert the update, and copy the file"); err != nil {
		t.Fatal(err)
	}
	if _, run, err := r.runNow("web"); err != nil || len(run.GetHeld()) != 1 || len(run.GetChanges()) != 1 || run.GetChanges()[0].GetPath() != "copy.yaml" {
		t.Fatalf("run: %v, %v", run, err)
	}
	h := r.held("web", 1).GetHeld()[0]
	if h.GetReason() != updaterv1.HoldReason_HOLD_REASON_REVERTED || h.GetRevertedCommit() != ours || !strings.Contains(h.GetMessage(), "--force") {
		t.Errorf("held: %v", h)
	}
	w.up.choose("web", "ghcr.io/a/web:1.0.2")
	eventually(t, "the policy has moved past what was undone", w.says("web.yaml", ":1.0.2'"))
	r.held("web", 0)

	if _, err := w.git.Commit("gitops", "main", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")}, "Revert again"); err != nil {
		t.Fatal(err)
	}
	if _, run, err := r.runNow("web"); err != nil || len(run.GetHeld()) != 1 {
		t.Fatalf("run: %v, %v", run, err)
	}
	if _, err := r.automations.ResumeImageUpdateAutomation(t.Context(), &updaterv1.ResumeImageUpdateAutomationRequest{Name: "web", Force: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is written again by force", w.says("web.yaml", ":1.0.2'"))
}

func TestABranchThatWasRewoundIsNotWrittenForwardAgain(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	r.apply(automation("web", "gitops"))
	r.ready("web", "Succeeded", "pushed")
	if _, err := w.git.Git("gitops", nil, "update-ref", "refs/heads/main", "main~1"); err != nil {
		t.Fatal(err)
	}
	_, run, err := r.runNow("web")
	if err != nil || len(run.GetHeld()) != 1 || run.GetHeld()[0].GetReason() != updaterv1.HoldReason_HOLD_REASON_REVERTED {
		t.Fatalf("run: %v, %v", run, err)
	}
	if n := len(w.log("gitops", "main")); n != 1 {
		t.Errorf("%d commits", n)
	}
}

func TestValuesThatCannotBeComparedWaitForTheResolver(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	r.apply(eager("web", "gitops"))
	r.ready("web", "Succeeded", "pushed")
	w.up.stop()
	if _, err := w.git.Commit("gitops", "main", map[string]string{"new.yaml": deployment("web", "ghcr.io/a/web:0.5.0")}, "a new file"); err != nil {
		t.Fatal(err)
	}
	_, _, err := r.runNow("web")
	if err == nil || !strings.Contains(err.Error(), "values wait") {
		t.Fatalf("with the resolver away: %v", err)
	}
	if h := r.held("web", 1).GetHeld()[0]; h.GetReason() != updaterv1.HoldReason_HOLD_REASON_NOT_COMPARED {
		t.Errorf("held: %v", h)
	}
	r.ready("web", "DependencyNotReady", "")
	w.up.serve()
	eventually(t, "it is written when the resolver is back", w.says("new.yaml", ":1.0.1'"))
	r.ready("web", "Succeeded", "")
}

// hold pins a policy to a tag.
func (u *upstream) hold(policy, tag string) {
	u.t.Helper()
	u.choose(policy, "ghcr.io/a/"+policy+":"+tag)
	if _, err := u.policies.SetOverride(u.t.Context(), object.KeyOf("", policy), &metav1.Override{Hold: &metav1.Hold{Tag: tag, Reason: "a test"}}); err != nil {
		u.t.Fatal(err)
	}
}
