// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package once_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/once"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/localparts/registry"
)

// world is a registry with two images, and a Git repository that runs the older tags.
type world struct {
	t        *testing.T
	registry *registry.Registry
	git      *gitserver.Server
	dir      string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	images, err := registry.Start(registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = images.Close() })
	git, err := gitserver.Start(t.Context(), gitserver.Config{Dir: t.TempDir()})
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = git.Close() })
	w := &world{t: t, registry: images, git: git, dir: t.TempDir()}
	w.push("app", "1.0.0", "1.1.0")
	w.push("cache", "7.0.0", "7.2.0")
	if err := git.CreateRepository("config.git", "main", map[string]string{
		"apps/app.yaml": "app: " + w.image("app") + ":1.0.0 # {\"$imagepolicy\": \"flux-system:app\"}\n" +
			"cache: 7.0.0 # {\"$imagepolicy\": \"flux-system:cache:tag\"}\n",
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) image(name string) string { return w.registry.Host() + "/" + name }

func (w *world) push(name string, tags ...string) {
	w.t.Helper()
	if err := w.registry.Push(w.t.Context(), name, tags...); err != nil {
		w.t.Fatal(err)
	}
}

// manifests writes the manifests of a loop over images, with more documents behind them, and returns the file.
func (w *world) manifests(more string, images ...string) string {
	w.t.Helper()
	var text strings.Builder
	for _, name := range images {
		fmt.Fprintf(&text, `---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: %[1]s}
spec: {image: %[2]s, interval: 1h}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: %[1]s}
spec:
  imageRepositoryRef: {name: %[1]s}
  policy: {semver: {range: '*'}}
`, name, w.image(name))
	}
	fmt.Fprintf(&text, `---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: config}
spec: {url: %s, interval: 1h}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: config}
spec:
  interval: 1h
  sourceRef: {kind: GitRepository, name: config}
  git:
    commit:
      author: {name: Tidemark, email: tidemark@example.com}
%s`, w.git.RepositoryURL("config.git"), more)
	path := filepath.Join(w.dir, "manifests.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// outcome is what one loop wrote, with hosts, ids and times made the same in every run.
type outcome struct {
	progress, table, diffs string
	err                    error
}

func (w *world) run(options once.Options) outcome {
	w.t.Helper()
	var progress, table, diffs bytes.Buffer
	options.LogLevel, options.LogOutput = "error", &progress
	ctx, cancel := context.WithTimeoutCause(w.t.Context(), time.Minute, errors.New("not done in a minute"))
	defer cancel()
	report, err := once.Run(ctx, options, &progress)
	if err := errors.Join(report.Table(&table, false), report.Diffs(&diffs, func(string) string { return "" })); err != nil {
		w.t.Fatal(err)
	}
	hide := strings.NewReplacer(w.registry.Host(), "registry", w.git.URL(), "git")
	return outcome{progress: hide.Replace(progress.String()), table: hide.Replace(table.String()), diffs: hide.Replace(diffs.String()), err: err}
}

func (w *world) commits() int {
	w.t.Helper()
	log, err := w.git.Log("config.git", "main")
	if err != nil {
		w.t.Fatal(err)
	}
	return len(log)
}

// wants checks that text has each of the lines, in their order.
func wants(t *testing.T, text string, lines ...string) {
	t.Helper()
	rest := text
	for _, line := range lines {
		_, after, found := strings.Cut(rest, line)
		if !found {
			t.Fatalf("%q is missing, or not in its place, in:\n%s", line, text)
		}
		rest = after
	}
}

func TestOnceMakesOneCommitOfAllPolicies(t *testing.T) {
	w := newWorld(t)
	path := w.manifests("", "app", "cache")

	dry := w.run(once.Options{Manifests: []string{path}, DryRun: true})
	if dry.err != nil || w.commits() != 1 {
		t.Fatalf("a dry run: %v, commits: %d\n%s", dry.err, w.commits(), dry.progress)
	}
	wants(t, dry.progress, "► previewing ImageUpdateAutomation config in flux-system namespace\n",
		"✔ would commit 2 values in 1 file to branch 'main'; nothing was pushed\n", "✔ nothing was pushed: this was a dry run\n")
	wants(t, dry.diffs, "    Update from image update automation\n", "\n-app: registry/app:1.0.0 #", "\n+app: registry/app:1.1.0 #")

	data := filepath.Join(w.dir, "data")
	got := w.run(once.Options{Manifests: []string{path}, DataDir: data})
	if got.err != nil || w.commits() != 2 {
		t.Fatalf("got %v, commits: %d\n%s", got.err, w.commits(), got.progress)
	}
	wants(t, got.progress, "► applying 6 manifests\n",
		"► scanning ImageRepository app in flux-system namespace\n✔ scan fetched 2 tags\n",
		"► scanning ImageRepository cache in flux-system namespace\n✔ scan fetched 2 tags\n",
		"► evaluating ImagePolicy app in flux-system namespace\n✔ selected ref registry/app:1.1.0\n",
		"► evaluating ImagePolicy cache in flux-system namespace\n✔ selected ref registry/cache:7.2.0\n",
		"► running ImageUpdateAutomation config in flux-system namespace\n",
		"✔ apps/app.yaml:1 registry/app:1.0.0 → registry/app:1.1.0\n✔ apps/app.yaml:2 7.0.0 → 7.2.0\n✔ committed revision main@sha1:",
		"✔ 1 commit pushed, 2 values changed\n")
	wants(t, got.table, "NAMESPACE  \tAUTOMATION\tRESULT\tCOMMIT  \tFILE:LINE      \tOLD ", "\tNEW\n",
		"flux-system\tconfig    \tpushed\t", "\tapps/app.yaml:1\tregistry/app:1.0.0\tregistry/app:1.1.0\n",
		"\tapps/app.yaml:2\t7.0.0 ", "\t7.2.0\n")

	again := w.run(once.Options{Manifests: []string{path}, DataDir: data})
	if again.err != nil || w.commits() != 2 {
		t.Fatalf("again: %v, commits: %d\n%s", again.err, w.commits(), again.progress)
	}
	wants(t, again.progress, "✔ no updates made\n")
	wants(t, again.table, "flux-system\tconfig    \tup-to-date\t")

	// What one job has in its memory does not run in a later one's dry run, nor when its manifest is gone.
	w.push("app", "1.2.0")
	if dry := w.run(once.Options{Manifests: []string{path}, DataDir: data, DryRun: true}); dry.err != nil || w.commits() != 2 {
		t.Fatalf("a dry run with a memory: %v, commits: %d\n%s", dry.err, w.commits(), dry.progress)
	}
	if err := os.WriteFile(path, []byte("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: app}\n"+
		"spec: {image: "+w.image("app")+", interval: 1h}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := w.run(once.Options{Manifests: []string{path}, DataDir: data})
	if gone.err != nil || w.commits() != 2 || gone.table != "" {
		t.Fatalf("without an automation: %v, commits: %d\n%s", gone.err, w.commits(), gone.progress)
	}
	wants(t, gone.progress, "⚠ ImageUpdateAutomation config is no longer in the manifests, and is forgotten\n", "✔ scan fetched 3 tags\n")
}

func TestOnceGoesOnPastWhatFails(t *testing.T) {
	w := newWorld(t)
	got := w.run(once.Options{Manifests: []string{w.manifests("", "none", "app")}})
	if !errors.Is(got.err, terminal.ErrShown) || w.commits() != 2 {
		t.Fatalf("got %v, commits: %d\n%s", got.err, w.commits(), got.progress)
	}
	wants(t, got.progress, "► scanning ImageRepository none in flux-system namespace\n✗ ", "✔ scan fetched 2 tags\n",
		"► evaluating ImagePolicy none in flux-system namespace\n✗ ", "✔ apps/app.yaml:1 registry/app:1.0.0 → registry/app:1.1.0\n",
		"✗ 2 objects failed, as shown above\n")

	if err := w.git.SetHook("config.git", "pre-receive", "#!/bin/sh\necho not tonight >&2\nexit 1\n"); err != nil {
		t.Fatal(err)
	}
	w.push("app", "1.3.0")
	refused := w.run(once.Options{Manifests: []string{w.manifests("", "app", "cache")}})
	if !errors.Is(refused.err, terminal.ErrShown) || w.commits() != 2 {
		t.Fatalf("got %v, commits: %d\n%s", refused.err, w.commits(), refused.progress)
	}
	wants(t, refused.progress, "► running ImageUpdateAutomation config in flux-system namespace\n", "✗ ", "✗ 1 object failed, as shown above\n")
	wants(t, refused.table, "flux-system\tconfig    \tfailed\t")
}

func TestOnceSkipsWhatIsSuspended(t *testing.T) {
	w := newWorld(t)
	for _, dry := range []bool{false, true} {
		got := w.run(once.Options{Manifests: []string{w.manifests("  suspend: true\n", "app")}, DryRun: dry})
		if got.err != nil || w.commits() != 1 {
			t.Fatalf("got %v, commits: %d\n%s", got.err, w.commits(), got.progress)
		}
		wants(t, got.progress, "⚠ ImageUpdateAutomation config in flux-system namespace is suspended by manifest, and is skipped\n")
		wants(t, got.table, "flux-system\tconfig    \tsuspended\t")
	}
}

func TestOnceDoesNothingOfManifestsWithMistakes(t *testing.T) {
	w := newWorld(t)
	for name, more := range map[string]string{
		"an unknown field": "  spelling: mistake\n",
		"a wrong value":    "---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: x}\nspec: {imageRepositoryRef: {name: app}, policy: {semver: {range: 'what?'}}}\n",
		"the same twice":   "---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: app}\nspec: {image: a, interval: 1h}\n",
	} {
		got := w.run(once.Options{Manifests: []string{w.manifests(more, "app")}})
		if !errors.Is(got.err, terminal.ErrShown) || w.commits() != 1 || strings.Contains(got.progress, "scanning") {
			t.Errorf("%s: got %v, commits: %d\n%s", name, got.err, w.commits(), got.progress)
		}
	}
	if got := w.run(once.Options{Manifests: []string{filepath.Join(w.dir, "none")}}); got.err == nil || got.progress != "" {
		t.Errorf("no manifests: %v\n%s", got.err, got.progress)
	}
}

func TestOnceRespectsARevertOfAnEarlierJob(t *testing.T) {
	w := newWorld(t)
	path, data := w.manifests("", "app"), filepath.Join(w.dir, "data")
	before, err := w.git.ReadFile("config.git", "main", "apps/app.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := w.run(once.Options{Manifests: []string{path}, DataDir: data}); got.err != nil || w.commits() != 2 {
		t.Fatalf("got %v, commits: %d\n%s", got.err, w.commits(), got.progress)
	}
	if _, err := w.git.Commit("config.git", "main", map[string]string{"apps/app.yaml": before}, "back"); err != nil {
		t.Fatal(err)
	}
	got := w.run(once.Options{Manifests: []string{path}, DataDir: data})
	if got.err != nil || w.commits() != 3 {
		t.Fatalf("after a revert: %v, commits: %d\n%s", got.err, w.commits(), got.progress)
	}
	wants(t, got.progress, "⚠ apps/app.yaml:1: ", "✔ no updates made; 1 value held\n", "✔ no updates made\n")
}

func TestOnceTakesSecretsFromManifestsAndReportsAsJSON(t *testing.T) {
	w := newWorld(t)
	guarded, err := gitserver.Start(t.Context(), gitserver.Config{Dir: t.TempDir(), Username: "tidemark", Password: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = guarded.Close() })
	if err := guarded.CreateRepository("config.git", "main", map[string]string{
		"app.yaml": "app: " + w.image("app") + ":1.0.0 # {\"$imagepolicy\": \"flux-system:app\"}\n",
	}); err != nil {
		t.Fatal(err)
	}
	w.git = guarded
	text, err := os.ReadFile(w.manifests("---\napiVersion: v1\nkind: Secret\nmetadata: {name: git}\n"+
		"stringData: {username: tidemark, password: open sesame}\n", "app"))
	if err != nil {
		t.Fatal(err)
	}
	url := guarded.RepositoryURL("config.git") + ", "
	path := filepath.Join(w.dir, "guarded.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), url, url+"secretRef: {name: git}, ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	var progress bytes.Buffer
	report, err := once.Run(t.Context(), once.Options{Manifests: []string{path}, LogLevel: "error", LogOutput: &progress}, &progress)
	if err != nil || w.commits() != 2 {
		t.Fatalf("got %v, commits: %d\n%s", err, w.commits(), &progress)
	}
	document, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(progress.String()+string(document), "sesame") {
		t.Errorf("the secret is shown: %s\n%s", &progress, document)
	}
	wants(t, string(document), `{"repositories":[{"namespace":"flux-system","name":"app","tags":2}],`,
		`"policies":[{"namespace":"flux-system","name":"app","image":"`+w.image("app")+`:1.1.0"}],`,
		`"automations":[{"namespace":"flux-system","name":"config","runs":[{`, `"oldValue":"`+w.image("app")+`:1.0.0"`)
}
