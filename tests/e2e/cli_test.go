// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

func TestGetShowsTables(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		runOnce(t, w)
		w.AwaitCondition(t, harness.Update("gitops"), harness.Ready("pushed commit"))
		w.AwaitCondition(t, harness.Source("gitops"), harness.Ready("stored artifact"))
		for _, c := range []struct {
			verb   []string
			header []string
			row    string
		}{
			{[]string{"image", "repository"}, []string{"NAME", "LAST SCAN", "SUSPENDED", "READY", "MESSAGE"},
				`^app +\t?20\d\d-\S+ *\tFalse +\tTrue +\tsuccessful scan: found 1 tags with checksum sha256:`},
			{[]string{"image", "policy"}, []string{"NAME", "IMAGE", "TAG", "READY", "MESSAGE"},
				`^app +\t?\S+/app *\t1\.0\.0 *\tTrue +\tLatest image tag for \S+/app resolved to 1\.0\.0`},
			{[]string{"image", "update"}, []string{"NAME", "LAST RUN", "SUSPENDED", "READY", "MESSAGE"},
				`^gitops +\t?20\d\d-\S+ *\tFalse +\tTrue +\t(pushed commit|repository up-to-date)`},
			{[]string{"source", "git"}, []string{"NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"},
				`^gitops +\t?main@sha1:[0-9a-f]{8} *\tFalse +\tTrue +\tstored artifact for revision 'main@sha1:`},
		} {
			lines := strings.Split(strings.TrimRight(w.Do(t, append([]string{"get"}, c.verb...)...), "\n"), "\n")
			if got := cells(lines[0]); !slices.Equal(got, c.header) {
				t.Errorf("get %v: the header is %q, want %q", c.verb, got, c.header)
			}
			// Columns are told apart by tabs or by two spaces and more: what matters is their order.
			row := strings.Join(cells(lines[1]), " \t")
			if len(lines) != 2 || !regexp.MustCompile(c.row).MatchString(row) {
				t.Errorf("get %v: the row is %q, want %s", c.verb, row, c.row)
			}
			bare := w.Do(t, append([]string{"get", "--no-header"}, c.verb...)...)
			if strings.Contains(bare, "NAME") || strings.Count(bare, "\n") != 1 {
				t.Errorf("get %v --no-header:\n%s", c.verb, bare)
			}
		}
		getAll(t, w)
		getOutputs(t, w)
	})
}

// cells are a row's: columns are parted by a tab or by two spaces and more.
func cells(line string) []string {
	return regexp.MustCompile(` *\t *| {2,}`).Split(strings.TrimSpace(line), -1)
}

func getAll(t *testing.T, w *harness.World) {
	t.Helper()
	all := w.Do(t, "get", "image", "all")
	tables := strings.Split(strings.TrimRight(all, "\n"), "\n\n")
	if len(tables) != 3 {
		t.Fatalf("get image all: want three tables:\n%s", all)
	}
	for i, name := range []string{"imagerepository/app", "imagepolicy/app", "imageupdateautomation/gitops"} {
		if lines := strings.Split(tables[i], "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], name) {
			t.Errorf("get image all: want %s in\n%s", name, tables[i])
		}
	}
	w.Apply(t, strings.Replace(harness.PolicyManifest("elsewhere", "app", "1.x"), "{name: elsewhere}", "{name: elsewhere, namespace: apps}", 1))
	lines := strings.Split(strings.TrimRight(w.Do(t, "get", "image", "policy", "-A"), "\n"), "\n")
	if header := cells(lines[0]); header[0] != "NAMESPACE" || header[1] != "NAME" {
		t.Errorf("get -A: the header is %q", header)
	}
	if first, second := cells(lines[1]), cells(lines[2]); len(lines) != 3 || first[0] != "apps" || first[1] != "elsewhere" || second[0] != "flux-system" {
		t.Errorf("get -A:\n%s", strings.Join(lines, "\n"))
	}
}

func getOutputs(t *testing.T, w *harness.World) {
	t.Helper()
	if got := w.Do(t, "get", "image", "policy", "-o", "name"); got != "imagepolicy/app\n" {
		t.Errorf("-o name: %q", got)
	}
	var object struct {
		Kind   string
		Status struct {
			LatestRef struct{ Name, Tag string }
		}
	}
	if err := json.Unmarshal([]byte(w.Do(t, "get", "image", "policy", "app", "-o", "json")), &object); err != nil {
		t.Errorf("-o json: %v", err)
	}
	if ref := object.Status.LatestRef; object.Kind != "ImagePolicy" || ref.Tag != "1.0.0" || ref.Name != w.Image("app") {
		t.Errorf("-o json: %+v", object)
	}
	text := w.Do(t, "get", "image", "repository", "app", "-o", "yaml")
	for _, want := range []string{"---\napiVersion: image.toolkit.fluxcd.io/v1", "kind: ImageRepository\n", "  interval: 1m0s\n", "status:\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("-o yaml: want %q in\n%s", want, text)
		}
	}
	for _, verb := range [][]string{
		{"get", "image", "policy", "nobody"}, {"get", "image", "policy", "-n", "nowhere"}, {"get", "image", "policy", "-o", "xml"}, {"get", "image", "nothing"},
	} {
		if result := w.CLI(t, verb...); result.Code != 1 || !strings.Contains(result.Err, "✗") || result.Out != "" {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", verb, result.Code, result.Out, result.Err)
		}
	}
}

func TestReconcileActsNowAndTellsTheOutcome(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		runOnce(t, w)
		w.AwaitCondition(t, harness.Update("gitops"), harness.Want{Status: "True"})
		w.Push(t, "app", "1.1.0")
		for _, c := range []struct {
			verb []string
			want []string
		}{
			{[]string{"repository", "app"}, []string{"► scanning ImageRepository app in flux-system namespace", "✔ scan fetched 2 tags"}},
			{[]string{"policy", "app"}, []string{"✔ selected ref " + w.Image("app") + ":1.1.0"}},
			{[]string{"update", "gitops"}, []string{"► running ImageUpdateAutomation gitops in flux-system namespace", "✔ "}},
		} {
			result := w.CLI(t, append([]string{"reconcile", "image"}, c.verb...)...)
			for _, want := range c.want {
				if result.Code != 0 || !strings.Contains(result.Err, want) || result.Out != "" {
					t.Errorf("reconcile %v: exit code %d, stdout %q, want %q in\n%s", c.verb, result.Code, result.Out, want, result.Err)
				}
			}
		}
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.1.0 ")

		w.Apply(t, w.RepositoryManifest("absent", "absent", "1m"), harness.PolicyManifest("none", "app", "9.x"))
		w.AwaitCondition(t, harness.Repository("absent"), harness.NotReady("ReadOperationFailed"))
		for _, verb := range [][]string{{"repository", "absent"}, {"policy", "none"}, {"repository", "nobody"}, {"update", "nobody"}} {
			result := w.CLI(t, append([]string{"reconcile", "image"}, verb...)...)
			if result.Code != 1 || !strings.Contains(result.Err, "✗") {
				t.Errorf("reconcile %v: exit code %d\n%s", verb, result.Code, result.Err)
			}
		}
	})
}

func TestCreateExportsWhatApplyTakes(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		w.Push(t, "app", "1.0.0")
		w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "0.9.0", "app")})
		var manifests strings.Builder
		for _, verb := range creations(w) {
			manifests.WriteString(w.Do(t, append(append([]string{"create"}, verb...), "--export")...))
		}
		if text := manifests.String(); strings.Count(text, "---\n") != 4 || strings.Contains(text, "status:") {
			t.Errorf("exported:\n%s", text)
		}
		if err := gone(t.Context(), w, harness.Repository("app")); err != nil {
			t.Errorf("--export: %v", err)
		}
		result := w.CLIWith(t, manifests.String(), "apply", "-f", "-")
		want := "imagerepository/flux-system/app created\nimagepolicy/flux-system/app created\n" +
			"gitrepository/flux-system/gitops created\nimageupdateautomation/flux-system/gitops created\n"
		if result.Code != 0 || result.Out != want {
			t.Errorf("apply: exit code %d\n%s%s\nwant\n%s", result.Code, result.Out, result.Err, want)
		}
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.0.0 ")
	})
}

func TestCreateWaitsAndReports(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		w.Push(t, "app", "1.0.0")
		w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "0.9.0", "app")})
		done := []string{"✔ scan fetched 1 tags", "✔ selected ref " + w.Image("app") + ":1.0.0", "✔ fetched revision: main@sha1:", "✔ last run "}
		for i, verb := range creations(w) {
			result := w.CLI(t, append([]string{"create"}, verb...)...)
			for _, want := range []string{"✚ generating ", "► applying ", "◎ waiting for ", done[i]} {
				if result.Code != 0 || !strings.Contains(result.Err, want) || result.Out != "" {
					t.Errorf("create %v: exit code %d, stdout %q, want %q in\n%s", verb, result.Code, result.Out, want, result.Err)
				}
			}
		}
		failing := w.CLI(t, "create", "image", "repository", "absent", "--image", w.Image("absent"))
		if failing.Code != 1 || !strings.Contains(failing.Err, "✗ scan failed: ") {
			t.Errorf("create of what cannot be scanned: exit code %d\n%s", failing.Code, failing.Err)
		}
	})
}

// creations are the four objects of a pipeline, in the order in which each finds what it needs.
func creations(w *harness.World) [][]string {
	return [][]string{
		{"image", "repository", "app", "--image", w.Image("app"), "--interval", "1m"},
		{"image", "policy", "app", "--image-ref", "app", "--select-semver", "1.x"},
		{"source", "git", "gitops", "--url", w.Git.RepositoryURL("gitops.git"), "--branch", "main", "--interval", "1m"},
		{
			"image", "update", "gitops", "--git-repo-ref", "gitops", "--checkout-branch", "main", "--author-name", "Tidemark", "--author-email", "tidemark@example.com",
			"--interval", "1m",
		},
	}
}

func TestWithoutAServerTheCLISaysWhatToDo(t *testing.T) {
	t.Parallel()
	tidemark := suite.Programs.Path("tidemark")
	address := suite.Ports.Address(t)
	for _, verb := range [][]string{
		{"get", "image", "all"}, {"reconcile", "image", "repository", "app"}, {"create", "image", "policy", "p", "--image-ref", "r", "--select-semver", "1.x"},
	} {
		result := harness.Run(t, "", tidemark, append(verb, "--server", address)...)
		want := "✗ no server answers on " + address + "; start one with `tidemark up`, or name it with --server\n"
		if result.Code != 1 || !strings.Contains(result.Err, want) || result.Out != "" {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q, want %q", verb, result.Code, result.Out, result.Err, want)
		}
	}
	if result := harness.Run(t, "", tidemark, "version"); result.Code != 0 || !strings.HasPrefix(result.Out, "tidemark: ") {
		t.Errorf("version: exit code %d, %q", result.Code, result.Out)
	}
}
