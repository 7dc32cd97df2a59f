// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// soon lets changes gather for less than the usual second: tests wait for what comes after.
const soon = "TIDEMARK_SETTLE=50ms"

// watched is a pipeline that has committed 1.1.0 over 1.0.0.
func watched(s scenario) *harness.World {
	t := s.t
	w := suite.NewWorld(t, s.kind, harness.Options{Env: []string{soon}})
	w.Push(t, "app", "1.0.0", "1.1.0")
	url := w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "1.0.0", "app")})
	w.Apply(t, w.RepositoryManifest("app", "app", "10m"), harness.PolicyManifest("app", "app", "1.x"),
		harness.SourceManifest("gitops", url), harness.UpdateManifest("gitops", "gitops", "10m", ""))
	w.AwaitFile(t, "gitops.git", "app.yaml", ":1.1.0 ")
	w.AwaitCondition(t, harness.Update("gitops"), harness.Ready("pushed commit"))
	return w
}

// scan has the registry's tags seen.
func scan(t *testing.T, w *harness.World) {
	t.Helper()
	w.Do(t, "reconcile", "image", "repository", "app")
}

// holds waits until the automation holds its one value for a reason, and says so in `get`, in `history` and in the metrics.
// It returns the sentence.
func holds(t *testing.T, w *harness.World, reason updaterv1.HoldReason) string {
	t.Helper()
	var held *updaterv1.HeldValue
	harness.Await(t, "a held value", func(context.Context) error {
		all := automation(t, w, "gitops").GetStatus().GetHeld()
		if len(all) != 1 || all[0].GetReason() != reason {
			return fmt.Errorf("held: %v", all)
		}
		held = all[0]
		return nil
	})
	if held.GetPath() != "app.yaml" || held.GetLine() != 11 || held.GetSetter() != "flux-system:app" {
		t.Errorf("held: %v", held)
	}
	result := w.CLI(t, "get", "image", "update", "gitops")
	if !strings.Contains(result.Out, "1 value held") || !strings.Contains(result.Err, "app.yaml:11: "+held.GetMessage()) {
		t.Errorf("get image update says\n%s%s, and the sentence is %q", result.Out, result.Err, held.GetMessage())
	}
	if last := strings.Split(w.Do(t, "history", "image", "update", "gitops", "--no-header", "--limit", "1"), "\n")[0]; !strings.Contains(last, "1 value held") {
		t.Errorf("history says %q", last)
	}
	kind := strings.ToLower(strings.TrimPrefix(reason.String(), "HOLD_REASON_"))
	metrics, err := get(t.Context(), "http://"+w.HTTPAddress(harness.Updater)+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for name, label := range map[string]string{"tidemark_updater_held": "reason", "tidemark_updater_problems_total": "kind"} {
		if sample(metrics, name, label, kind) < 1 {
			t.Errorf("%s{%s=%q} does not tell of it", name, label, kind)
		}
	}
	return held.GetMessage()
}

// sample is the value of a metric with a label, or, where that is empty, with none; 0 where there is no such metric.
func sample(metrics, name, label, value string) float64 {
	for line := range strings.SplitSeq(metrics, "\n") {
		labels, found := strings.CutPrefix(line, name)
		if !found || !strings.HasPrefix(labels, "{") && !strings.HasPrefix(labels, " ") || label != "" && !strings.Contains(labels, fmt.Sprintf("%s=%q", label, value)) {
			continue
		}
		var n float64
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &n); err == nil {
			return n
		}
	}
	return 0
}

// wantCommits makes sure of how many commits there are.
func wantCommits(t *testing.T, w *harness.World, n int) {
	t.Helper()
	if commits := w.Commits(t, "gitops.git"); len(commits) != n {
		t.Errorf("there are %d commits, want %d: %+v", len(commits), n, commits)
	}
}

func TestATagThatIsDeletedTakesNothingBackUnlessSomebodyMeansIt(t *testing.T) {
	each(t, func(s scenario) {
		t, w := s.t, watched(s)
		if err := w.Registry.Delete(t.Context(), "app", "1.1.0"); err != nil {
			t.Fatal(err)
		}
		scan(t, w)
		w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 1.0.0"))
		sentence := holds(t, w, updaterv1.HoldReason_HOLD_REASON_DOWNGRADE)
		for _, part := range []string{"1.1.0", "1.0.0", "older"} {
			if !strings.Contains(sentence, part) {
				t.Errorf("the sentence lacks %q: %s", part, sentence)
			}
		}
		w.Do(t, "reconcile", "image", "update", "gitops") // asked again, it is held again
		holds(t, w, updaterv1.HoldReason_HOLD_REASON_DOWNGRADE)
		wantCommits(t, w, 2)

		// Another spec of the policy is somebody's word.
		w.Apply(t, harness.PolicyManifest("app", "app", "1.0.x"))
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.0.0 ")
		wantCommits(t, w, 3)

		// A newer tag is written, and a hold at an older one is somebody's word too.
		w.Push(t, "app", "1.0.5")
		scan(t, w)
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.0.5 ")
		w.Do(t, "hold", "image", "policy", "app", "--tag", "1.0.0", "--reason", "a test")
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.0.0 ")
		w.Do(t, "release", "image", "policy", "app")
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.0.5 ")
		wantCommits(t, w, 6)

		// So is allowDowngrade.
		if err := w.Registry.Delete(t.Context(), "app", "1.0.5"); err != nil {
			t.Fatal(err)
		}
		scan(t, w)
		holds(t, w, updaterv1.HoldReason_HOLD_REASON_DOWNGRADE)
		w.Apply(t, harness.UpdateManifest("gitops", "gitops", "10m", "  allowDowngrade: true\n"))
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.0.0 ")
		wantCommits(t, w, 7)
		harness.Await(t, "nothing is held any longer", func(context.Context) error {
			if held := automation(t, w, "gitops").GetStatus().GetHeld(); len(held) > 0 {
				return fmt.Errorf("held: %v", held)
			}
			return nil
		})
	})
}

func TestARevertIsRespectedUntilANewerTagOrForce(t *testing.T) {
	each(t, func(s scenario) {
		t, w := s.t, watched(s)
		ours := w.Commits(t, "gitops.git")[1].ID
		somebody := w.Clone(t, "gitops.git", "somebody")
		revert := func() {
			t.Helper()
			somebody.Git(t, "pull", "-q", "--ff-only")
			somebody.Git(t, "revert", "--no-edit", "HEAD")
			somebody.Git(t, "push", "-q")
		}
		revert()
		w.Do(t, "reconcile", "image", "update", "gitops")
		sentence := holds(t, w, updaterv1.HoldReason_HOLD_REASON_REVERTED)
		for _, part := range []string{ours[:7], "1.1.0", "tidemark resume image update gitops --force"} {
			if !strings.Contains(sentence, part) {
				t.Errorf("the sentence lacks %q: %s", part, sentence)
			}
		}
		for _, p := range w.Processes() { // and is remembered
			if err := p.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		w.Start(t)
		w.Do(t, "reconcile", "image", "update", "gitops")
		holds(t, w, updaterv1.HoldReason_HOLD_REASON_REVERTED)
		wantCommits(t, w, 3)

		w.Push(t, "app", "1.2.0")
		scan(t, w)
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.2.0 ")
		wantCommits(t, w, 4)

		revert()
		w.Do(t, "reconcile", "image", "update", "gitops")
		holds(t, w, updaterv1.HoldReason_HOLD_REASON_REVERTED)
		w.Do(t, "resume", "image", "update", "gitops", "--force")
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.2.0 ")
		wantCommits(t, w, 6)
	})
}
