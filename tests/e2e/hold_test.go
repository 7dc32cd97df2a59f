// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// The incident at 3 a.m.: the newest release is bad, and the one before it must be back, and stay.
func TestAHoldBringsAnOlderTagBackAndKeepsItThere(t *testing.T) {
	each(t, func(s scenario) {
		t := s.t
		w := suite.NewWorld(t, s.kind, harness.Options{})
		w.Push(t, "app", "7.8.0", "7.8.1", "7.9.0")
		w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "7.8.0", "app")})
		w.Apply(t, w.RepositoryManifest("app", "app", "1s")+"---\n"+harness.PolicyManifest("app", "app", "7.8.x")+"---\n"+
			harness.SourceManifest("gitops", w.Git.RepositoryURL("gitops.git"))+"---\n"+
			harness.UpdateManifest("gitops", "gitops", "1s", ""))
		w.AwaitFile(t, "gitops.git", "app.yaml", ":7.8.1 ")

		w.Do(t, "hold", "image", "policy", "app", "--tag", "7.8.0", "--reason", "7.8.1 loses orders", "--for", "4h")
		w.AwaitFile(t, "gitops.git", "app.yaml", ":7.8.0 ")
		w.Push(t, "app", "7.8.2")
		w.AwaitCondition(t, harness.Repository("app"), harness.Ready("found 4 tags"))
		w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 7.8.0", "7.8.1 loses orders"))
		for _, p := range w.Processes() {
			if err := p.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		w.Start(t)
		w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 7.8.0", "7.8.1 loses orders"))
		if n := len(w.Commits(t, "gitops.git")); n != 3 {
			t.Errorf("%d commits while the answer is held, want 3", n)
		}

		w.Do(t, "release", "image", "policy", "app")
		w.AwaitFile(t, "gitops.git", "app.yaml", ":7.8.2 ")
		explained := w.Do(t, "explain", "app")
		for _, want := range []string{"SELECTED", "7.8.2", "ELIGIBLE", "7.8.1", "OUT_OF_RANGE", "7.9.0"} {
			if !strings.Contains(strings.ReplaceAll(strings.ToUpper(explained), " ", "_"), strings.ReplaceAll(want, " ", "_")) {
				t.Errorf("explain does not say %s:\n%s", want, explained)
			}
		}
	})
}
