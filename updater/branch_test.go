// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
)

// proposing is an automation that commits to the branch updates.
func proposing(name, source string) *updaterv1.ImageUpdateAutomation {
	a := automation(name, source)
	a.Spec.Git.Checkout = &updaterv1.GitCheckout{Ref: &updaterv1.GitRef{Branch: "main"}}
	a.Spec.Git.Push = &updaterv1.PushSpec{Branch: "updates"}
	return a
}

func TestAPushBranchIsCreatedAndGoneOnWith(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	r.apply(proposing("web", "gitops"))
	r.ready("web", "Succeeded", "pushed")
	w.up.choose("web", "ghcr.io/a/web:1.0.2")
	eventually(t, "the second choice is on the branch", func() bool { return strings.Contains(w.file("gitops", "updates", "web.yaml"), ":1.0.2'") })
	if on, base := len(w.log("gitops", "updates")), len(w.log("gitops", "main")); on != 3 || base != 1 {
		t.Errorf("%d commits on the branch, %d on main", on, base)
	}
}

func TestAPushBranchOfOursIsBuiltAnewOnABaseThatMoved(t *testing.T) {
	var fetches, pushes atomic.Int32
	w, r := usual(t, counting(&fetches, &pushes))
	w.up.choose("db", "ghcr.io/a/db:1.0.0")
	if _, err := w.git.Commit("gitops", "main", map[string]string{"db/db.yaml": deployment("db", "ghcr.io/a/db:1.0.0")}, "a database"); err != nil {
		t.Fatal(err)
	}
	r.applySource(w.source("gitops"))
	other := proposing("db", "gitops")
	other.Spec.Update = &updaterv1.UpdateStrategy{Path: "db"}
	r.apply(other)
	r.ready("db", "Succeeded", "repository up-to-date")
	web := proposing("web", "gitops")
	web.Spec.Update = &updaterv1.UpdateStrategy{Path: "web.yaml"}
	r.apply(web)
	r.ready("web", "Succeeded", "pushed")
	w.up.choose("db", "ghcr.io/a/db:1.0.1")
	r.ready("db", "Succeeded", "pushed")
	moved, err := w.git.Commit("gitops", "main", map[string]string{"README.md": "# moved\n"}, "main moves")
	if err != nil {
		t.Fatal(err)
	}
	pushes.Store(0)
	_, run, err := r.runNow("web")
	if n := pushes.Load(); n != 1 {
		t.Errorf("%d pushes", n)
	}
	if err != nil || run.GetBase() != moved || run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
		t.Fatalf("run: %v, %v", run, err)
	}
	beyond := w.log("gitops", moved+"..updates")
	if len(beyond) != 2 {
		t.Errorf("%d commits beyond the base", len(beyond))
	}
	for _, name := range []string{"web", "db"} { // the one that was asked to run, and the one that had to run with it
		open, err := r.service.runs.Unfinished(t.Context(), object.KeyOf("", name))
		pushed := r.get(name).GetStatus().GetLastPushCommit()
		if err != nil || len(open) != 0 || (pushed != beyond[0].ID && pushed != beyond[1].ID) {
			t.Errorf("%s: open records %v, %v; last push %s of %v", name, open, err, pushed, beyond)
		}
	}
	for path, want := range map[string]string{"web.yaml": ":1.0.1'", "db/db.yaml": ":1.0.1'", "README.md": "moved"} {
		if got := w.file("gitops", "updates", path); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestAPushBranchWithSomebodysWorkIsNeverRebuilt(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	r.apply(proposing("web", "gitops"))
	r.ready("web", "Succeeded", "pushed")
	theirs, err := w.git.Commit("gitops", "updates", map[string]string{"note.txt": "mine\n"}, "somebody's work")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.git.Commit("gitops", "main", map[string]string{"README.md": "# moved\n"}, "main moves"); err != nil {
		t.Fatal(err)
	}
	w.up.choose("web", "ghcr.io/a/web:1.0.2")
	eventually(t, "the second choice is on the branch", func() bool { return strings.Contains(w.file("gitops", "updates", "web.yaml"), ":1.0.2'") })
	if commits := w.log("gitops", "updates"); len(commits) != 4 || commits[1].ID != theirs {
		t.Errorf("commits: %+v", commits)
	}
	eventually(t, "it is told of", func() bool {
		warnings := r.get("web").GetStatus().GetWarnings()
		return len(warnings) == 1 && strings.Contains(warnings[0], "has commits of others")
	})
}

func TestAPushBranchThatWasMergedMovesOnWithTheBase(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	r.apply(proposing("web", "gitops"))
	r.ready("web", "Succeeded", "pushed")
	if _, err := w.git.Git("gitops", nil, "update-ref", "refs/heads/main", "updates"); err != nil {
		t.Fatal(err)
	}
	base, err := w.git.Commit("gitops", "main", map[string]string{"README.md": "# moved\n"}, "main moves on")
	if err != nil {
		t.Fatal(err)
	}
	w.up.choose("web", "ghcr.io/a/web:1.0.2")
	eventually(t, "the branch is ahead of main again", func() bool {
		commits := w.log("gitops", "updates")
		return len(commits) == 4 && commits[1].ID == base
	})
}

func TestASecondPushThatFailsIsTriedAgain(t *testing.T) {
	w, r := usual(t)
	if err := w.git.SetHook("gitops", "update", `if test "$1" = refs/for/main; then echo "no review today" >&2; exit 1; fi`); err != nil {
		t.Fatal(err)
	}
	r.applySource(w.source("gitops"))
	a := eager("web", "gitops")
	a.Spec.Git.Push = &updaterv1.PushSpec{Refspec: "refs/heads/main:refs/for/main"}
	r.apply(a)
	failed := r.ready("web", "GitOperationFailed", "pushed commit '")
	commit := w.log("gitops", "main")[0].ID
	said := conditions.Ready(failed.GetStatus()).GetMessage()
	if failed.GetStatus().GetLastPushCommit() != commit || !strings.Contains(said, "but not to refs/for/main") || !strings.Contains(said, "no review today") {
		t.Errorf("status: %v", failed.GetStatus())
	}
	if err := w.git.SetHook("gitops", "update", ""); err != nil {
		t.Fatal(err)
	}
	r.ready("web", "Succeeded", "") // by itself
	if got, err := w.git.Resolve("gitops", "refs/for/main"); err != nil || got != commit {
		t.Errorf("refs/for/main is at %s: %v", got, err)
	}
	records := r.records("web")
	if len(w.log("gitops", "main")) != 2 || len(records) != 1 || records[0].GetSecondPush().GetTime() == nil || records[0].GetSecondPush().GetProblem() != "" {
		t.Errorf("records: %v", records)
	}
}

func TestPushOptionsReachTheHook(t *testing.T) {
	w, r := usual(t)
	if _, err := w.git.Git("gitops", nil, "config", "receive.advertisePushOptions", "true"); err != nil {
		t.Fatal(err)
	}
	if err := w.git.SetHook("gitops", "pre-receive", `env | grep ^GIT_PUSH_OPTION_0 > options`); err != nil {
		t.Fatal(err)
	}
	r.applySource(w.source("gitops"))
	a := automation("web", "gitops")
	a.Spec.Git.Push = &updaterv1.PushSpec{Options: map[string]string{"merge_request.create": "true"}}
	r.apply(a)
	r.ready("web", "Succeeded", "pushed")
	seen, err := os.ReadFile(filepath.Join(w.git.Dir("gitops"), "options"))
	if err != nil || strings.TrimSpace(string(seen)) != "GIT_PUSH_OPTION_0=merge_request.create=true" {
		t.Errorf("the hook saw %q: %v", seen, err)
	}
}

func TestASecondPushThatKeepsFailingKeepsNoCommitBack(t *testing.T) {
	w, r := usual(t)
	if err := w.git.SetHook("gitops", "update", `case "$1" in refs/for/*) exit 1;; esac`); err != nil {
		t.Fatal(err)
	}
	r.applySource(w.source("gitops"))
	a := proposing("web", "gitops")
	a.Spec.Git.Push.Refspec = "HEAD:refs/for/main"
	r.apply(a)
	r.ready("web", "GitOperationFailed", "pushed commit '")
	if _, err := w.git.Commit("gitops", "main", map[string]string{"README.md": "# moved\n"}, "main moves"); err != nil {
		t.Fatal(err)
	}
	w.up.choose("web", "ghcr.io/a/web:1.0.2")
	eventually(t, "the next choice is on the branch", func() bool { return strings.Contains(w.file("gitops", "updates", "web.yaml"), ":1.0.2'") })
	if err := w.git.SetHook("gitops", "update", ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.runNow("web"); err != nil {
		t.Fatal(err)
	}
	first, err := w.git.Resolve("gitops", "refs/for/main")
	if err != nil || first != w.log("gitops", "updates")[0].ID {
		t.Errorf("refs/for/main is at %s: %v", first, err)
	}
	if open, err := r.service.runs.Unfinished(t.Context(), object.KeyOf("", "web")); err != nil || len(open) != 0 {
		t.Errorf("still open: %v, %v", open, err)
	}
	if _, err := w.git.Commit("gitops", "main", map[string]string{"README.md": "# moved again\n"}, "main moves again"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.runNow("web"); err != nil {
		t.Fatal(err)
	}
	second, err := w.git.Resolve("gitops", "refs/for/main")
	if err != nil || second != w.log("gitops", "updates")[0].ID || second == first {
		t.Errorf("the second reference does not follow the branch that was built anew: %s: %v", second, err)
	}
}
