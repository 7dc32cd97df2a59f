// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tidemark-io/tidemark/tests/harness"
)

func TestAFolderIsFollowed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w := suite.NewWorld(t, harness.AllInOne(), harness.Options{Manifests: folder})
	w.Push(t, "app", "1.0.0", "1.1.0", "2.0.0")

	write(t, folder, "repository.yaml", w.RepositoryManifest("app", "app", "1m"))
	write(t, folder, "policies/app.yml", harness.PolicyManifest("app", "app", "1.x"))
	w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 1.1.0"))

	write(t, folder, "policies/app.yml", harness.PolicyManifest("app", "app", "2.x"))
	w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 2.0.0"))

	write(t, folder, "policies/second.yaml", harness.PolicyManifest("second", "app", "1.0.x"))
	w.AwaitCondition(t, harness.Policy("second"), harness.Ready("resolved to 1.0.0"))

	// Of the folder's objects those that are no longer in it go; what somebody else applied stays.
	w.Apply(t, harness.PolicyManifest("third", "app", "1.1.x"))
	remove(t, folder, "policies/second.yaml")
	awaitGone(t, w, harness.Policy("second"))
	w.AwaitCondition(t, harness.Policy("third"), harness.Ready("resolved to 1.1.0"))
	w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 2.0.0"))
}

func TestWhatIsGoneFromTheFolderDuringAStopIsDeletedAfterwards(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w := suite.NewWorld(t, harness.AllInOne(), harness.Options{Manifests: folder})
	w.Push(t, "app", "1.0.0")
	write(t, folder, "repository.yaml", w.RepositoryManifest("app", "app", "1m"))
	write(t, folder, "policy.yaml", harness.PolicyManifest("app", "app", "1.x"))
	w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 1.0.0"))
	w.Stop(t)
	remove(t, folder, "policy.yaml")
	w.Start(t)
	awaitGone(t, w, harness.Policy("app"))
	w.AwaitCondition(t, harness.Repository("app"), harness.Ready("successful scan"))
}

// mistakes are files with one mistake each; want is what follows the file's name.
func mistakes() map[string]struct{ content, want string } {
	policy := harness.PolicyManifest("bad", "app", "1.x")
	return map[string]struct{ content, want string }{
		"unknown field": {policy + "  colour: red\n", ":8:3: spec.colour: unknown field"},
		"wrong type":    {strings.Replace(policy, `{name: app}`, `app`, 1), ":5:23: spec.imageRepositoryRef: "},
		"two policies": {
			policy + "    numerical: {order: asc}\n", ":8:5: spec.policy: two policies at once: semver and numerical",
		},
		"duplicate object": {harness.PolicyManifest("good", "app", "9.x"), ":1:1: ImagePolicy flux-system/good is at "},
		"no YAML":          {policy + "  suspend: [\n", ":8:3: not YAML: "},
		"invalid range":    {harness.PolicyManifest("bad", "app", "one"), ":7:21: spec.policy.semver.range: "},
	}
}

func TestAMistakeIsToldWithItsPlaceAndTheRestLoads(t *testing.T) {
	t.Parallel()
	for name, c := range mistakes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			w := suite.NewWorld(t, harness.AllInOne(), harness.Options{Manifests: folder, Stopped: true})
			w.Push(t, "app", "1.0.0")
			write(t, folder, "1.yaml", w.RepositoryManifest("app", "app", "1m"))
			write(t, folder, "2.yaml", harness.PolicyManifest("good", "app", "1.x"))
			write(t, folder, "3.yaml", c.content)
			write(t, folder, "4.yaml", harness.PolicyManifest("last", "app", "1.x"))
			w.Start(t)
			w.AwaitCondition(t, harness.Policy("good"), harness.Ready("resolved to 1.0.0"))
			w.AwaitCondition(t, harness.Policy("last"), harness.Ready("resolved to 1.0.0"))
			if got := errorLines(w); len(got) != 1 || !strings.Contains(got[0], "3.yaml"+c.want) {
				t.Errorf("the errors are %q; want one with %q", got, "3.yaml"+c.want)
			}
			if err := gone(t.Context(), w, harness.Policy("bad")); err != nil {
				t.Error(err)
			}

			// tidemark apply says the same, and ends with 1.
			result := w.CLI(t, "apply", "-f", folder)
			if result.Code != 1 || strings.Count(result.Err, "✗") != 1 || !strings.Contains(result.Err, "3.yaml"+c.want) {
				t.Errorf("apply: exit code %d, want 1 and %q in\n%s", result.Code, "3.yaml"+c.want, result.Err)
			}
			if n := strings.Count(result.Out, "\n"); n != 3 {
				t.Errorf("apply: want three objects in\n%s", result.Out)
			}
		})
	}
}

func TestObjectsOfAFileThatBreaksAreKept(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w := suite.NewWorld(t, harness.AllInOne(), harness.Options{Manifests: folder})
	w.Push(t, "app", "1.0.0")
	repository := w.RepositoryManifest("app", "app", "1m")
	write(t, folder, "all.yaml", repository+"---\n"+harness.PolicyManifest("app", "app", "1.x"))
	write(t, folder, "marker.yaml", harness.PolicyManifest("marker", "app", "1.x"))
	w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 1.0.0"))

	write(t, folder, "all.yaml", repository+"---\nkind: [\n")
	harness.Await(t, "an error about the broken file", func(context.Context) error {
		if lines := errorLines(w); len(lines) == 0 || !strings.Contains(lines[0], "all.yaml:") {
			return fmt.Errorf("the errors are %q", lines)
		}
		return nil
	})
	// A deletion elsewhere shows that the folder was reconciled since.
	write(t, folder, "other.yaml", harness.PolicyManifest("other", "app", "1.x"))
	w.AwaitCondition(t, harness.Policy("other"), harness.Ready("resolved to 1.0.0"))
	w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 1.0.0"))

	write(t, folder, "all.yaml", repository)
	awaitGone(t, w, harness.Policy("app"))
}

// errorLines are the error lines of the all-in-one's log.
func errorLines(w *harness.World) []string {
	var lines []string
	for _, line := range w.Process(harness.Scanner).Stderr.Lines() {
		if strings.Contains(line, "level=ERROR") {
			lines = append(lines, line)
		}
	}
	return lines
}

func remove(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
}

func awaitGone(t *testing.T, w *harness.World, o harness.Object) {
	t.Helper()
	harness.Await(t, o.String()+" is gone", func(ctx context.Context) error { return gone(ctx, w, o) })
}

// gone returns an error unless an object does not exist.
func gone(ctx context.Context, w *harness.World, o harness.Object) error {
	_, err := w.Conditions(ctx, o)
	if err == nil {
		return errors.New("it exists")
	}
	if status.Code(err) != codes.NotFound {
		return err
	}
	return nil
}
