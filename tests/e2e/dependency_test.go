// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

func TestWhatIsReferencedMayComeLater(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		w.Push(t, "app", "1.0.0", "1.1.0")
		url := w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "1.0.0", "app")})

		w.Apply(t, harness.UpdateManifest("gitops", "gitops", "10m", ""))
		w.AwaitCondition(t, harness.Update("gitops"), harness.NotReady("DependencyNotReady", "GitRepository", "gitops"))
		w.Apply(t, harness.PolicyManifest("app", "app", "1.x"))
		w.AwaitCondition(t, harness.Policy("app"),
			harness.NotReady("DependencyNotReady", "referenced ImageRepository 'flux-system/app' does not exist"))

		w.Apply(t, harness.SourceManifest("gitops", url))
		w.AwaitCondition(t, harness.Source("gitops"), harness.Ready("stored artifact for revision 'main@sha1:"))
		w.AwaitCondition(t, harness.Update("gitops"), harness.Ready("repository up-to-date"))
		w.Apply(t, w.RepositoryManifest("app", "app", "10m"))
		w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 1.1.0"))
		w.AwaitFile(t, "gitops.git", "app.yaml", w.Image("app")+":1.1.0")
	})
}

func TestAReferenceThatVanishesIsToldAndTheLastAnswerStays(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		w.Push(t, "app", "1.0.0", "1.1.0")
		w.Apply(t, w.RepositoryManifest("app", "app", "10m"), harness.PolicyManifest("app", "app", "1.x"))
		w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 1.1.0"))
		deleteRepository(t, w, "app")
		w.AwaitCondition(t, harness.Policy("app"), harness.NotReady("DependencyNotReady", "does not exist"))
		if ref := latestRef(t, w, "app"); ref.GetTag() != "1.1.0" {
			t.Errorf("the last answer is %v", ref)
		}
		w.Push(t, "app", "1.2.0")
		w.Apply(t, w.RepositoryManifest("app", "app", "10m"))
		w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 1.2.0"))
	})
}
