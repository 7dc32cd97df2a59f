// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/tests/harness"
)

const (
	// hugeFile is the size of the largest file, in bytes.
	hugeFile = 100 << 20
	// mostMemory is what a program may take all the same.
	mostMemory = 400 << 20
)

// tree makes a tree object of entries as they are: git's own commands would refuse these.
func tree(t *testing.T, w *harness.World, entries ...string) string {
	t.Helper()
	var content bytes.Buffer
	for i := 0; i < len(entries); i += 2 {
		id, err := hex.DecodeString(entries[i+1])
		if err != nil {
			t.Fatal(err)
		}
		content.WriteString(entries[i] + "\x00")
		content.Write(id)
	}
	return plumb(t, w, content.Bytes(), "hash-object", "-w", "-t", "tree", "--literally", "--stdin")
}

// plumb runs a git command in the server's repository.
func plumb(t *testing.T, w *harness.World, in []byte, args ...string) string {
	t.Helper()
	out, err := w.Git.Git("gitops.git", in, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// bomb is a YAML file whose aliases stand for 10^9 values, and that has a marker.
func bomb(image string) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	fmt.Fprintf(&b, "image: %s:1.0.0 # {\"$imagepolicy\": \"flux-system:app\"}\n", image)
	return b.String()
}

// hostile commits what means harm, beside two files that do not, and returns a file outside that is pointed at.
func hostile(t *testing.T, w *harness.World) (outside string) {
	t.Helper()
	outside = filepath.Join(t.TempDir(), "secret.yaml")
	good := harness.Deployed(w.Image("app"), "1.0.0", "app")
	write(t, filepath.Dir(outside), filepath.Base(outside), good)
	blob := func(content string) string {
		return plumb(t, w, []byte(content), "hash-object", "-w", "--stdin")
	}
	file := blob(good)
	inside := tree(t, w, "100644 x.yaml", file)
	marker := "image: " + w.Image("app") + ":1.0.0 # {\"$imagepolicy\": \"flux-system:app\"}\n"
	root := tree(t, w,
		"40000 ..", inside,
		"40000 .git", inside,
		"100644 APP.yaml", file,
		"100644 app.yaml", file,
		"100644 bomb.yaml", blob(bomb(w.Image("app"))),
		"100644 huge.yaml", blob(marker+strings.Repeat("# much ado about nothing, again and again and again..\n", hugeFile/54)),
		"120000 in.yaml", blob("app.yaml"),
		"120000 out", blob(filepath.Dir(outside)),
		"120000 out.yaml", blob(outside),
		"100644 template.yaml", blob("{{- if .Values.on }}\n"+marker+"{{- end }}\n"),
		"120000 up", blob("../../../.."),
	)
	commit := plumb(t, w, nil, "commit-tree", "-m", "means harm", root)
	plumb(t, w, nil, "update-ref", "refs/heads/main", commit)
	return outside
}

func TestAHostileRepositoryIsBoundedAndToldOfAndItsGoodFilesAreCommitted(t *testing.T) {
	each(t, func(s scenario) {
		t := s.t
		w := suite.NewWorld(t, s.kind, harness.Options{Env: []string{soon}})
		w.Push(t, "app", "1.0.0", "1.1.0")
		url := w.CreateGit(t, "gitops.git", nil)
		outside := hostile(t, w)
		began := time.Now()
		w.Apply(t, w.RepositoryManifest("app", "app", "10m"), harness.PolicyManifest("app", "app", "1.x"),
			strings.Replace(harness.SourceManifest("gitops", url), "timeout: 5s", "timeout: 30s", 1), // for 100 MB
			harness.UpdateManifest("gitops", "gitops", "10m", ""))
		for name, path := range map[string]string{"up": "./up", "out": "./out"} {
			w.Apply(t, harness.UpdateManifest(name, "gitops", "10m", "  update: {path: "+path+"}\n"))
		}
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.1.0 ")
		w.AwaitFile(t, "gitops.git", "APP.yaml", ":1.1.0 ")
		w.AwaitCondition(t, harness.Update("gitops"), harness.Ready())
		t.Logf("after %s", time.Since(began).Round(time.Millisecond))
		alone(t, w, outside)
		wantWarnings(t, w)
		for _, name := range []string{"up", "out"} {
			w.AwaitCondition(t, harness.Update(name), harness.NotReady("InvalidPath", "symbolic link"))
		}
		for path, want := range map[string]string{"../outside": `"../outside" leads out of the repository`, "./.git": "Git"} {
			refused := w.CLIWith(t, harness.UpdateManifest("refused", "gitops", "10m", "  update: {path: "+path+"}\n"), "apply", "-f", "-")
			if refused.Code != 1 || !strings.Contains(refused.Err, "spec.update.path: ") || !strings.Contains(refused.Err, want) {
				t.Errorf("update.path %s is answered by %d and\n%s", path, refused.Code, refused.Err)
			}
		}
		if peak := w.Process(harness.Updater).PeakMemory(); peak > mostMemory {
			t.Errorf("the updater took %d MiB", peak>>20)
		} else {
			t.Logf("the updater took %d MiB", peak>>20)
		}
	})
}

// alone makes sure that one commit changes the two good files and the one whose aliases nobody had to follow, and that all
// else is what it was.
func alone(t *testing.T, w *harness.World, outside string) {
	t.Helper()
	changed := plumb(t, w, nil, "diff-tree", "-r", "--name-only", "--no-commit-id", "main")
	if commits := w.Commits(t, "gitops.git"); len(commits) != 2 || changed != "APP.yaml\napp.yaml\nbomb.yaml" {
		t.Errorf("%d commits, the last one changes\n%s", len(commits), changed)
	}
	// Modes and names of the others are as they were, also of those that git itself would not write.
	names := func(revision string) string {
		return plumb(t, w, nil, "ls-tree", "--format=%(objectmode) %(path)", revision)
	}
	if before, after := names("main~1"), names("main"); before != after {
		t.Errorf("the tree was\n%s\nand is\n%s", before, after)
	}
	if content, err := os.ReadFile(outside); err != nil || !strings.Contains(string(content), ":1.0.0 ") {
		t.Errorf("the file outside is %q, %v", content, err)
	}
}

// wantWarnings makes sure that what was left alone is told of: in the status, by get, in the metrics.
func wantWarnings(t *testing.T, w *harness.World) {
	t.Helper()
	warnings := automation(t, w, "gitops").GetStatus().GetWarnings()
	all := strings.Join(warnings, "\n")
	t.Logf("warnings:\n%s", all)
	for _, name := range []string{"..", ".git", "huge.yaml", "in.yaml", "out.yaml", "template.yaml"} {
		if !strings.Contains(all, name+" was left alone: ") {
			t.Errorf("no warning about %s among\n%s", name, all)
		}
	}
	for _, warning := range warnings {
		if len(warning) > 600 {
			t.Errorf("a warning has %d bytes: %.100s…", len(warning), warning)
		}
	}
	harness.Await(t, "the metrics tell of skipped files", func(ctx context.Context) error {
		metrics, err := get(ctx, "http://"+w.HTTPAddress(harness.Updater)+"/metrics")
		if n := sample(metrics, "tidemark_updater_problems_total", "kind", "skipped"); err == nil && n < 6 {
			err = fmt.Errorf("tidemark_updater_problems_total{kind=\"skipped\"} is %v", n)
		}
		return err
	})
	if n := strings.Count(w.CLI(t, "get", "image", "update", "gitops").Err, "⚠"); n != len(warnings) {
		t.Errorf("get shows %d warnings of %d", n, len(warnings))
	}
}
