// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// stable is what is the same in every run: the registry's host and the commits' ids are replaced, and times.
func stable(w *harness.World, text string) string {
	text = strings.ReplaceAll(text, w.Registry.Host(), "REGISTRY")
	for _, c := range []struct{ what, by string }{
		{`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "TIME"},
		{`\b[0-9a-f]{40}\b|\b[0-9a-f]{7,8}\b`, "COMMIT"},
		{`\b[0-9.]+(µs|ms|s)\b`, "DURATION"},
		{` +`, " "},
		{` ?\t ?`, "|"},
	} {
		text = regexp.MustCompile(c.what).ReplaceAllString(text, c.by)
	}
	return text
}

// wantText compares what a command prints, in its stable parts.
func wantText(t *testing.T, w *harness.World, what, got, want string) {
	t.Helper()
	if got = stable(w, got); got != want {
		t.Errorf("%s is\n%s\nwant\n%s", what, got, want)
	}
}

const previewed = ` update gitops

diff --git a/app.yaml b/app.yaml
--- a/app.yaml
+++ b/app.yaml
@@ -8,5 +8,5 @@
 spec:
 containers:
 - name: app
- image: REGISTRY/app:1.1.0 # {"$imagepolicy": "flux-system:app"}
+ image: REGISTRY/app:1.2.0 # {"$imagepolicy": "flux-system:app"}
 ports: [{containerPort: 80}]
`

func TestPreviewSuspendResumeAndHistoryAsOneTypesThem(t *testing.T) {
	each(t, func(s scenario) {
		t, w := s.t, watched(s)
		w.Apply(t, harness.UpdateManifest("gitops", "gitops", "10m", "      messageTemplate: update gitops\n"))
		nothing := w.CLI(t, "preview", "image", "update", "gitops", "--exit-code")
		if nothing.Code != 0 || nothing.Out != "" || !strings.Contains(nothing.Err, "✔ no updates would be made; repository up-to-date\n") {
			t.Errorf("preview of nothing: %+v", nothing)
		}

		suspended := w.CLI(t, "suspend", "image", "update", "gitops", "--reason", "release freeze", "--actor", "somebody")
		if suspended.Code != 0 || !strings.Contains(suspended.Err, "✔ image update automation suspended\n") {
			t.Errorf("suspend: %+v", suspended)
		}
		w.Push(t, "app", "1.2.0")
		scan(t, w)
		w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 1.2.0"))
		if row := cells(strings.Split(w.Do(t, "get", "image", "update", "gitops", "--no-header"), "\n")[0]); row[2] != "True" {
			t.Errorf("get shows %q", row)
		}
		preview := w.CLI(t, "preview", "image", "update", "gitops", "--exit-code")
		wantText(t, w, "the preview", preview.Out, previewed)
		if preview.Code != 2 || !strings.Contains(preview.Err, "✔ would commit 1 value in 1 file to branch 'main'; nothing was pushed\n") {
			t.Errorf("preview ends with %d and\n%s", preview.Code, preview.Err)
		}
		wantCommits(t, w, 2)
		// git can apply what is shown.
		clone := w.Clone(t, "gitops.git", "somebody")
		if err := clone.Write("preview.diff", preview.Out); err != nil {
			t.Fatal(err)
		}
		clone.Git(t, "apply", "--check", "preview.diff")

		resumed := w.CLI(t, "resume", "image", "update", "gitops")
		if resumed.Code != 0 || !strings.Contains(stable(w, resumed.Err), "✔ committed revision main@sha1:COMMIT\n") {
			t.Errorf("resume: %+v", resumed)
		}
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.2.0 ")
		wantCommits(t, w, 3)
		told(t, w)
	})
}

// told looks at the history: a row for each commit, and all of one run.
func told(t *testing.T, w *harness.World) {
	t.Helper()
	rows := strings.Split(strings.TrimSpace(w.Do(t, "history", "image", "update", "gitops", "--outcome", "pushed")), "\n")
	if len(rows) != 3 {
		t.Fatalf("the history is %q", rows)
	}
	wantText(t, w, "the header", rows[0], "WHEN|TRIGGER|RESULT|COMMIT|CHANGES|DURATION|MESSAGE")
	commits := w.Commits(t, "gitops.git")
	for i, row := range rows[1:] {
		commit := commits[len(commits)-1-i].ID
		if got := stable(w, row); !regexp.MustCompile(`^TIME\|\w+\|pushed\|COMMIT\|1\|DURATION\|pushed commit 'COMMIT' to branch 'main'$`).MatchString(got) ||
			!strings.Contains(row, commit[:8]) {
			t.Errorf("the row of %s is %q", commit, got)
		}
	}
	last := commits[len(commits)-1].ID
	run := w.Do(t, "history", "image", "update", "gitops", "--run", last[:9])
	for _, want := range []string{last, commits[len(commits)-2].ID, "app.yaml:11", w.Image("app") + ":1.1.0", w.Image("app") + ":1.2.0", "    update gitops\n", w.Git.RepositoryURL("gitops.git")} {
		if !strings.Contains(run, want) {
			t.Errorf("want %q in\n%s", want, run)
		}
	}
	var document struct {
		Runs []struct{ Outcome, Commit string }
	}
	if err := json.Unmarshal([]byte(w.Do(t, "history", "image", "update", "gitops", "-o", "json", "--limit", "1", "--outcome", "pushed")), &document); err != nil ||
		len(document.Runs) != 1 || document.Runs[0].Commit != last || document.Runs[0].Outcome != updaterv1.RunOutcome_RUN_OUTCOME_PUSHED.String() {
		t.Errorf("-o json: %+v, %v", document, err)
	}
}

func TestSetWritesAFolderWithNoServer(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	set := func(args ...string) harness.Result {
		return harness.Run(t, "", suite.Programs.Path("tidemark"), append([]string{"set", "--path", folder, "--image", "flux-system:app=ghcr.io/acme/app:1.2.0"}, args...)...)
	}
	before, after := "\ufeff"+strings.ReplaceAll(harness.Deployed("ghcr.io/acme/app", "1.1.0", "app"), "\n", "\r\n"),
		"\ufeff"+strings.ReplaceAll(harness.Deployed("ghcr.io/acme/app", "1.2.0", "app"), "\n", "\r\n")
	write(t, folder, "apps/app.yaml", before)
	write(t, folder, "apps/other.yaml", "image: a:1 # {\"$imagepolicy\": \"flux-system:other\"}")
	read := func() string {
		content, err := os.ReadFile(filepath.Join(folder, "apps", "app.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	if dry := set("--dry-run"); dry.Code != 0 || !strings.Contains(dry.Out, "+                image: ghcr.io/acme/app:1.2.0") || read() != before {
		t.Errorf("--dry-run: %+v", dry)
	}
	if strict := set("--strict", "--dry-run"); strict.Code != 1 || !strings.Contains(strict.Err, "other.yaml:1") {
		t.Errorf("--strict: %+v", strict)
	}
	if done := set(); done.Code != 0 || !strings.Contains(done.Out, "ghcr.io/acme/app:1.2.0") || !strings.Contains(done.Err, "✔ 1 file changed, 1 value\n") || read() != after {
		t.Errorf("set: %+v\n%q", done, read())
	}
	if again := set(); again.Code != 0 || again.Out != "" || !strings.Contains(again.Err, "✔ nothing to change\n") {
		t.Errorf("again: %+v", again)
	}
	write(t, folder, "apps/template.yaml", "{{ if .x }}\nimage: a:1 # {\"$imagepolicy\": \"flux-system:app\"}\n{{ end }}\n")
	if broken := set(); broken.Code != 1 || !strings.Contains(broken.Err, "template.yaml") {
		t.Errorf("with a template: %+v", broken)
	}
}

func TestOnceRunsTheWholeLoopAndRemembersReverts(t *testing.T) {
	t.Parallel()
	w := suite.NewWorld(t, harness.AllInOne(), harness.Options{Stopped: true})
	folder, data := t.TempDir(), t.TempDir()
	w.Push(t, "app", "1.0.0", "1.1.0")
	url := w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "1.0.0", "app")})
	write(t, folder, "all.yaml", strings.Join([]string{
		w.RepositoryManifest("app", "app", "10m"), harness.PolicyManifest("app", "app", "1.x"),
		harness.SourceManifest("gitops", url), harness.UpdateManifest("gitops", "gitops", "10m", ""),
	}, "---\n"))
	once := func(args ...string) harness.Result {
		t.Helper()
		return harness.Run(t, "", suite.Programs.Path("tidemark"), append([]string{"once", "--manifests", folder, "--data-dir", data}, args...)...)
	}
	if dry := once("--dry-run"); dry.Code != 0 || !strings.Contains(stable(w, dry.Out), "+ image: REGISTRY/app:1.1.0 #") {
		t.Errorf("--dry-run: %+v", dry)
	}
	wantCommits(t, w, 1)
	first := once()
	commits := w.Commits(t, "gitops.git")
	if len(commits) != 2 || first.Code != 0 {
		t.Fatalf("once: %+v, commits %+v", first, commits)
	}
	wantText(t, w, "the report of the first", first.Out,
		"NAMESPACE|AUTOMATION|RESULT|COMMIT|FILE:LINE|OLD|NEW\nflux-system|gitops|pushed|COMMIT|app.yaml:11|REGISTRY/app:1.0.0|REGISTRY/app:1.1.0\n")
	if !strings.Contains(first.Err, "✔ 1 commit pushed, 1 value changed\n") {
		t.Errorf("once says\n%s", first.Err)
	}
	somebody := w.Clone(t, "gitops.git", "somebody")
	somebody.Git(t, "revert", "--no-edit", "HEAD")
	somebody.Git(t, "push", "-q")
	second := once()
	if second.Code != 0 || !strings.Contains(second.Out, "up-to-date") || !strings.Contains(second.Err, fmt.Sprintf("somebody has undone commit %.7s", commits[1].ID)) {
		t.Errorf("after a revert: %+v", second)
	}
	wantCommits(t, w, 3)
	w.Push(t, "app", "1.2.0")
	if third := once(); third.Code != 0 || !strings.Contains(third.Err, "✔ 1 commit pushed, 1 value changed\n") {
		t.Errorf("with a newer tag: %+v", third)
	}
	wantCommits(t, w, 4)
	write(t, folder, "bad.yaml", harness.PolicyManifest("bad", "app", "one"))
	if mistaken := once(); mistaken.Code != 1 || !strings.Contains(mistaken.Err, "bad.yaml") {
		t.Errorf("with a mistake: %+v", mistaken)
	}
}
