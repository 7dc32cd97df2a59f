// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

const threeObjects = `apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImageRepository
metadata:
  name: app
spec:
  image: ghcr.io/x/app
  interval: 5m
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata:
  name: app
  namespace: apps
spec:
  imageRepositoryRef:
    name: app
    namespace: flux-system
  policy:
    semver:
      range: 5.0.x
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: infra
spec:
  url: https://git.example.com/infra.git
  interval: 10m
`

func TestApplySaysWhatBecameOfEachObject(t *testing.T) {
	s := newServices()
	address := s.serve(t)
	file := filepath.Join(t.TempDir(), "objects.yaml")
	write(t, file, threeObjects)
	want := func(outcome string) terminal {
		return terminal{
			out: "imagerepository/team/app " + outcome + "\nimagepolicy/apps/app " + outcome + "\ngitrepository/team/infra " + outcome + "\n",
			err: "⚠ skipped what is of other kinds (documents: 1)\n",
		}
	}
	tidemark(t, address, "apply", "-f", file, "-n", "team").wants(t, want("created"))
	tidemark(t, address, "apply", "-f", file, "-n", "team").wants(t, want("unchanged"))
	changed := strings.ReplaceAll(threeObjects, "5m", "6m")
	tidemarkWith(t, address, changed, "apply", "-n", "team", "-f", "-").wants(t, terminal{
		out: "imagerepository/team/app configured\nimagepolicy/apps/app unchanged\ngitrepository/team/infra unchanged\n",
		err: "⚠ skipped what is of other kinds (documents: 1)\n",
	})
}

func TestApplyTakesFoldersAndSeveralFilesInTheOrderOfKinds(t *testing.T) {
	dir := t.TempDir()
	docs := strings.SplitAfter(threeObjects, "---\n")
	write(t, filepath.Join(dir, "folder", "deep", "policy.yaml"), docs[2])
	write(t, filepath.Join(dir, "folder", "git.yml"), docs[3])
	write(t, filepath.Join(dir, "repository.yaml"), docs[0])
	got := tidemark(t, newServices().serve(t), "apply", "-f", filepath.Join(dir, "folder"), "-f", filepath.Join(dir, "repository.yaml"))
	got.wants(t, terminal{
		out: "imagerepository/flux-system/app created\nimagepolicy/apps/app created\ngitrepository/flux-system/infra created\n",
	})
}

func TestApplyShowsMistakesAtTheirLineAndAppliesTheRest(t *testing.T) {
	s := newServices()
	s.policies.refuse = func(*resolverv1.ImagePolicy) error {
		return rpcerr.Field("image_policy.spec.policy.semver.range", "improper constraint: 5.0.x")
	}
	broken := strings.Replace(threeObjects, "  image:", "  imge:", 1)
	got := tidemarkWith(t, s.serve(t), broken, "apply", "-f", "-")
	if got.code != 1 || got.out != "gitrepository/flux-system/infra created\n" {
		t.Errorf("exit code %d, standard output %q", got.code, got.out)
	}
	golden(t, "apply/mistakes.txt", got.err)
}

func TestApplyOfNothingFails(t *testing.T) {
	address := newServices().serve(t)
	absent := filepath.Join(t.TempDir(), "absent.yaml")
	for name, test := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"no file named":                  {"", nil, "✗ nothing to apply: name a file, a folder or - with -f\n"},
		"an empty stream":                {"", []string{"-f", "-"}, "✗ nothing to apply: no manifest in what -f names\n"},
		"other kinds only":               {"apiVersion: v1\nkind: Service\n", []string{"-f", "-"}, "✗ nothing to apply: what -f names holds other kinds only (documents: 1)\n"},
		"standard input twice":           {"", []string{"-f", "-", "-f", "-"}, "✗ standard input can be read once: -f - is given twice\n"},
		"what a shell made of a pattern": {"", []string{"-f", "a.yaml", "b.yaml"}, "✗ one file to each -f: write -f b.yaml, or name the folder\n"},
		"prune of everything":            {"", []string{"-f", "-", "--prune"}, "✗ --prune needs the labels of what the files are to have all of: say -l, for example -l app=web\n"},
		"labels without prune":           {"", []string{"-f", "-", "-l", "a=b"}, "✗ -l is for --prune, which is not given\n"},
		"prune with nobody to ask":       {threeObjects, []string{"-f", "-", "--prune", "-l", "a=b"}, "✗ deleting needs a yes, and standard input is no terminal to ask on: say --yes\n"},
		"a file that is away":            {"", []string{"-f", absent}, "✗ load manifests: stat " + absent + ": no such file or directory\n"},
	} {
		t.Run(name, func(t *testing.T) {
			tidemarkWith(t, address, test.stdin, append([]string{"apply"}, test.args...)...).wants(t, terminal{err: test.want, code: 1})
		})
	}
}

func TestApplyGoesOnWhereOneServiceIsAway(t *testing.T) {
	away := unused(t)
	got := tidemarkWith(t, newServices().serve(t), threeObjects, "apply", "-f", "-", "--resolver-server", away)
	got.wants(t, terminal{
		out:  "imagerepository/flux-system/app created\ngitrepository/flux-system/infra created\n",
		err:  "✗ no server answers on " + away + "; start one with `tidemark up`, or name it with --resolver-server\n",
		code: 1,
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
