// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"strings"
	"testing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

func TestAPreviewShowsTheCommitAndMakesNone(t *testing.T) {
	w := newWorld(t)
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0"), "other.yaml": deployment("other", "x:1")})
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	r := w.prepare()
	r.stored()
	r.applySource(w.source("gitops"))
	a := automation("web", "gitops")
	a.Spec.Suspend = true
	a.Spec.Git.Commit.MessageTemplate = "{{ range .Changed.Changes }}{{ .OldValue }} -> {{ .NewValue }}{{ end }}"
	r.apply(a)
	preview, failure := r.service.runner.Preview(t.Context(), object.KeyOf("", "web"))
	if failure != nil {
		t.Fatal(failure)
	}
	want := "diff --git a/web.yaml b/web.yaml\n--- a/web.yaml\n+++ b/web.yaml\n@@ -2,4 +2,4 @@\n metadata:\n   name: web\n spec:\n" +
		"-  image:   'ghcr.io/a/web:1.0.0' # {\"$imagepolicy\": \"flux-system:web\"}\n" +
		"+  image:   'ghcr.io/a/web:1.0.1' # {\"$imagepolicy\": \"flux-system:web\"}\n"
	if preview.Diff != want {
		t.Errorf("diff:\n%s", preview.Diff)
	}
	p := preview.Run
	if p.GetCommitMessage() != "ghcr.io/a/web:1.0.0 -> ghcr.io/a/web:1.0.1" || p.GetBranch() != "main" || p.GetId() != "" || p.GetCommit() != "" ||
		len(p.GetChanges()) != 1 || len(p.GetWarnings()) != 1 || !strings.Contains(p.GetWarnings()[0], "there is no ImagePolicy 'flux-system/other'") {
		t.Errorf("run: %v", p)
	}
	if n := len(w.log("gitops", "main")); n != 1 || len(r.runs("web")) != 0 || r.get("web").GetStatus() != nil {
		t.Errorf("%d commits, runs %v, status %v", n, r.runs("web"), r.get("web").GetStatus())
	}
	w.up.choose("web", "ghcr.io/a/web:1.0.0")
	eventually(t, "nothing to do is said so", func() bool {
		preview, failure := r.service.runner.Preview(t.Context(), object.KeyOf("", "web"))
		return failure == nil && preview.Diff == "" && preview.Run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE
	})
}
