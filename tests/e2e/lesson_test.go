// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// The lesson's names.
const (
	lessonImage  = "siddharth67/bb-app-flux-demo"
	lessonRepo   = "8-demo-image-repo-bb-app"
	lessonPolicy = "8-demo-image-policy-bb-app"
	lessonFile   = "apps/deployment.yaml"
)

func TestTheLessonsTagIsCommitted(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		lessonParts(t, w)
		w.Apply(t, w.Manifest(t, "lesson.yaml"))
		followLesson(t, w, func(more string) { w.Apply(t, more) })
	})
}

func TestTheLessonsTagIsCommittedFromAFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w := suite.NewWorld(t, harness.AllInOne(), harness.Options{Manifests: folder, Stopped: true})
	lessonParts(t, w)
	write(t, folder, "lesson.yaml", w.Manifest(t, "lesson.yaml"))
	w.Start(t)
	followLesson(t, w, func(more string) { write(t, folder, "deeper/automation.yaml", more) })
}

func lessonParts(t *testing.T, w *harness.World) {
	t.Helper()
	w.Push(t, lessonImage, "7.8.0", "7.8.1")
	w.CreateGit(t, "gitops.git", map[string]string{
		lessonFile:  harness.Deployed(w.Image(lessonImage), "7.8.0", lessonPolicy),
		"README.md": "# nothing to change here\n",
	})
}

// followLesson sees the lesson through, from the scan to the second commit.
func followLesson(t *testing.T, w *harness.World, apply func(more string)) {
	t.Helper()
	w.AwaitCondition(t, harness.Repository(lessonRepo), harness.Ready("successful scan: found 2 tags with checksum sha256:"))
	w.AwaitCondition(t, harness.Policy(lessonPolicy),
		harness.Ready("Latest image tag for "+w.Image(lessonImage)+" resolved to 7.8.1"))
	if n := len(w.Commits(t, "gitops.git")); n != 1 {
		t.Fatalf("there are %d commits before there is an automation", n)
	}
	apply(harness.SourceManifest("gitops", w.Git.RepositoryURL("gitops.git")) + "---\n" +
		harness.UpdateManifest("gitops", "gitops", "1m", ""))
	wantCommit(t, w, 2, "7.8.0", "7.8.1")
	commit := w.Commits(t, "gitops.git")[1]
	w.AwaitCondition(t, harness.Update("gitops"), harness.Ready("pushed commit '"+commit.ID[:7]+"' to branch 'main'"))
	if commit.Author != "Tidemark <tidemark@example.com>" || commit.Message != "Update from image update automation" {
		t.Errorf("the commit is by %s and says %q", commit.Author, commit.Message)
	}

	w.Push(t, lessonImage, "7.8.2", "7.9.0")
	w.Do(t, "reconcile", "image", "repository", lessonRepo)
	w.AwaitCondition(t, harness.Policy(lessonPolicy),
		harness.Ready("resolved to 7.8.2 (previously "+w.Image(lessonImage)+":7.8.1)"))
	wantCommit(t, w, 3, "7.8.1", "7.8.2")
	w.Do(t, "reconcile", "image", "update", "gitops")
	if n := len(w.Commits(t, "gitops.git")); n != 3 {
		t.Errorf("there are %d commits, want 3", n)
	}
}

// wantCommit waits for the n-th commit, which must replace a tag in one line and nothing else.
func wantCommit(t *testing.T, w *harness.World, n int, from, to string) {
	t.Helper()
	image := w.Image(lessonImage)
	w.AwaitFile(t, "gitops.git", lessonFile, image+":"+to)
	commits := w.Commits(t, "gitops.git")
	if len(commits) != n {
		t.Fatalf("there are %d commits, want %d", len(commits), n)
	}
	change := w.OneChange(t, "gitops.git", commits[n-1].ID)
	if want := strings.Replace(change.Old, image+":"+from, image+":"+to, 1); change.New != want || change.New == change.Old {
		t.Errorf("the line was changed to\n%s\nwant\n%s", change.New, want)
	}
	if want := harness.Deployed(image, to, lessonPolicy); w.File(t, "gitops.git", lessonFile) != want {
		t.Errorf("the file is not byte for byte what it was:\n%s", w.File(t, "gitops.git", lessonFile))
	}
}

func TestScanSelectCommitWithTheUpdatedImagesInTheMessage(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		image := w.Image("my-app")
		w.Push(t, "my-app", "1.0.0", "1.2.3", "2.0.0")
		url := w.CreateGit(t, "config.git", map[string]string{
			"apps/app.yaml":  harness.Deployed(image, "1.0.0", "my-app"),
			"other/app.yaml": harness.Deployed(image, "1.0.0", "my-app"),
		})
		w.Apply(t, w.Manifest(t, "three-steps.yaml"), harness.SourceManifest("gitops-config", url))
		w.AwaitFile(t, "config.git", "apps/app.yaml", image+":1.2.3")
		commits := w.Commits(t, "config.git")
		last := commits[len(commits)-1]
		if want := "chore: update image to " + image + ":1.2.3"; last.Message != want || len(commits) != 2 {
			t.Errorf("%d commits, the last says %q; want 2 and %q", len(commits), last.Message, want)
		}
		if last.Author != "Flux <fluxcdbot@example.com>" {
			t.Errorf("the commit is by %s", last.Author)
		}
		if change := w.OneChange(t, "config.git", last.ID); change.Path != "apps/app.yaml" {
			t.Errorf("the commit changes %s, outside of update.path", change.Path)
		}
	})
}

func TestOtherSelectorsOfTheLesson(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		w.Push(t, "podinfo", "1.0.0-rc.1", "1.1.0-rc.2", "1.1.0", "2.0.0-rc.1", "latest")
		w.Push(t, "minio", "RELEASE.2024-01-01", "RELEASE.2023-06-06")
		w.Apply(t, w.Manifest(t, "selectors.yaml"),
			w.RepositoryManifest("podinfo", "podinfo", "1m"), w.RepositoryManifest("minio", "minio", "1m"))
		w.AwaitCondition(t, harness.Policy("podinfo-rc-policy"), harness.Ready("resolved to 1.1.0-rc.2"))
		w.AwaitCondition(t, harness.Policy("minio-latest"), harness.Ready("resolved to RELEASE.2024-01-01"))

		// The most recent is the one that came last, whatever its name.
		w.Push(t, "minio", "RELEASE.2022-02-02")
		w.Do(t, "reconcile", "image", "repository", "minio")
		w.AwaitCondition(t, harness.Policy("minio-latest"), harness.Ready("resolved to RELEASE.2022-02-02"))
	})
}

func TestAllVersionsOfTheManifestsAreTakenAlike(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		w.Push(t, "my-app", "1.2.3")
		url := w.CreateGit(t, "config.git", map[string]string{"apps/app.yaml": harness.Deployed(w.Image("my-app"), "1.0.0", "my-app")})
		manifests := w.Manifest(t, "three-steps.yaml") + "---\n" + harness.SourceManifest("gitops-config", url)
		for _, version := range []string{"v1beta1", "v1beta2", "v1"} {
			var lines []string
			for line := range strings.SplitSeq(manifests, "\n") {
				if group, _, ok := strings.Cut(line, ".fluxcd.io/"); ok {
					line = group + ".fluxcd.io/" + version
				}
				lines = append(lines, line)
			}
			result := w.CLIWith(t, strings.Join(lines, "\n"), "apply", "-f", "-")
			if result.Code != 0 || result.Err != "" {
				t.Fatalf("%s: exit code %d\n%s%s", version, result.Code, result.Out, result.Err)
			}
			// What comes in another version's clothes is the same object.
			if version != "v1beta1" && strings.Count(result.Out, " unchanged\n") != 4 {
				t.Errorf("%s: want four unchanged objects:\n%s", version, result.Out)
			}
		}
		w.AwaitFile(t, "config.git", "apps/app.yaml", w.Image("my-app")+":1.2.3")
	})
}

// write puts a file into a folder as editors do: whole, at once.
func write(t *testing.T, folder, name, content string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".part", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		t.Fatal(err)
	}
}
