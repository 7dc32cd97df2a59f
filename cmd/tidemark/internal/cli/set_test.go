// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	setApp   = "--image=flux-system:app=ghcr.io/x/app:1.3.0@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	setRedis = "--image=flux-system:redis=localhost:5000/redis:7.2"
)

// folder is what is in a folder: paths with slashes, and contents.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// setFolder makes a copy of testdata/set/before, in which a test works, and returns the goldens' place. All files are a day old.
func setFolder(t *testing.T, more map[string]string) {
	t.Helper()
	files := folder(t, filepath.Join("testdata", "set", "before"))
	maps.Copy(files, more)
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, yesterday, yesterday); err != nil {
			t.Fatal(err)
		}
	}
}

var yesterday = noon.AddDate(0, 0, -1)

func TestSetWritesMarkedValuesAndNothingElse(t *testing.T) {
	goldens, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	setFolder(t, map[string]string{".git/config.yaml": "image: ghcr.io/x/app:1 # {\"$imagepolicy\": \"flux-system:app\"}\n"})
	before := folder(t, ".")
	got := tidemark(t, "", "set", "--path", ".", setApp, setRedis)
	want := "✔ 2 files changed, 5 values\n"
	if got.err != want || got.code != 0 {
		t.Errorf("standard error %q, exit code %d; want %q and 0", got.err, got.code, want)
	}
	for name, content := range folder(t, ".") {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if changed := content != before[name]; changed == info.ModTime().Equal(yesterday) {
			t.Errorf("%s: changed %t, modified at %v", name, changed, info.ModTime())
		}
		if info.Mode().Perm() != 0o640 {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
	}
	if len(folder(t, ".")) != len(before) {
		t.Errorf("files were left behind: %v", folder(t, "."))
	}
	for _, name := range []string{"apps/deployment.yaml", "apps/nested/Kustomization", ".git/config.yaml"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		goldenAt(t, filepath.Join(goldens, "set", "after", strings.TrimPrefix(name, ".")), string(content))
	}
	goldenAt(t, filepath.Join(goldens, "set", "table.txt"), got.out)
	tidemark(t, "", "set", "--path", "apps", setApp, setRedis).wants(t, terminal{err: "✔ nothing to change\n"})
}

func TestSetFormsOfOutput(t *testing.T) {
	goldens, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"diff.patch": {"--dry-run"}, "dry.json": {"--dry-run", "-o", "json"}, "out.json": {"-o", "json"}, "out.yaml": {"-o", "yaml"},
		"names.txt": {"-o", "name"}, "file.txt": {"--path", "apps/deployment.yaml"}, "no-header.txt": {"--no-header"},
	} {
		t.Run(name, func(t *testing.T) {
			setFolder(t, nil)
			before := folder(t, ".")
			got := tidemark(t, "", append([]string{"set", "--path", "apps", setApp, setRedis}, args...)...)
			if got.code != 0 {
				t.Errorf("exit code %d: %s", got.code, got.err)
			}
			goldenAt(t, filepath.Join(goldens, "set", name), got.out)
			dry := args[0] == "--dry-run"
			if dry != cmp.Equal(before, folder(t, ".")) {
				t.Errorf("%v: the files are (-want +got):\n%s", args, cmp.Diff(before, folder(t, ".")))
			}
			if dry && got.err != "✔ 2 files would change, 5 values\n" {
				t.Errorf("standard error: %s", got.err)
			}
		})
	}
}

func TestSetReportsWhatItCouldNotDo(t *testing.T) {
	const marked = " # {\"$imagepolicy\": \"flux-system:app\"}\n"
	for name, test := range map[string]struct {
		files map[string]string
		args  []string
		want  terminal
		// changed: apps/good.yaml is.
		unchanged bool
	}{
		"a template with a marker": {
			files: map[string]string{"apps/t.yaml": "{{ if .x }}\nimage: a:1" + marked + "{{ end }}\n"},
			want: terminal{code: 1, out: "FILE:LINE       \tMARKER         \tOLD\tNEW\napps/good.yaml:1\tflux-system:app\ta:1\tapp:2\n",
				err: "✗ apps/t.yaml:1: the file is not YAML: "},
		},
		"a file that is too large": {
			files: map[string]string{"apps/t.yaml": strings.Repeat("# many words\n", 1<<20) + "image: a:1" + marked},
			want:  terminal{code: 1, err: "✗ apps/t.yaml: the file has markers, but is larger than 8 MiB\n✔ 1 file changed, 1 value\n"},
		},
		"a file that is too large, without a marker": {
			files: map[string]string{"apps/t.yaml": strings.Repeat("# many words\n", 1<<20)},
			want:  terminal{err: "✔ 1 file changed, 1 value\n"},
		},
		"a digest that is not given": {
			files: map[string]string{"apps/t.yaml": "digest: sha256:1 # {\"$imagepolicy\": \"flux-system:app:digest\"}\n"},
			want: terminal{code: 1, err: "✗ apps/t.yaml:1: the marker wants a digest, and --image flux-system:app has none; add @sha256:… to it\n" +
				"✔ 1 file changed, 1 value\n"},
		},
		"a value that cannot hold an image": {
			files: map[string]string{"apps/t.yaml": "image: [a]" + marked},
			want:  terminal{code: 1, err: "✗ apps/t.yaml:1: "},
		},
		"a marker that cannot be read": {
			files: map[string]string{"apps/t.yaml": "# fine\nimage: a:1 # {\"$imagepolicy\": flux-system:app}\n"},
			want:  terminal{err: "⚠ apps/t.yaml:2: "},
		},
		"a marker that cannot be read, strictly": {
			files: map[string]string{"apps/t.yaml": "# fine\nimage: a:1 # {\"$imagepolicy\": flux-system:app}\n"},
			args:  []string{"--strict"},
			want:  terminal{code: 1, err: "✗ apps/t.yaml:2: "},
		},
		"a marker of another policy": {
			files: map[string]string{"apps/t.yaml": "image: b:1 # {\"$imagepolicy\": \"flux-system:b\"}\n"},
			want:  terminal{err: "✔ 1 file changed, 1 value\n"},
		},
		"a marker of another policy, strictly": {
			files: map[string]string{"apps/t.yaml": "image: b:1 # {\"$imagepolicy\": \"flux-system:b\"}\n"},
			args:  []string{"--strict"},
			want:  terminal{code: 1, err: "✗ apps/t.yaml:1: no --image says what flux-system:b is\n✔ 1 file changed, 1 value\n"},
		},
		"an image that no marker names": {
			args: []string{"--image", "flux-system:ap=app:2"},
			want: terminal{err: "⚠ no marker names flux-system:ap\n✔ 1 file changed, 1 value\n"},
		},
		"an image that no marker names, strictly": {
			args: []string{"--image", "flux-system:ap=app:2", "--strict"},
			want: terminal{code: 1, err: "✗ no marker names flux-system:ap\n✔ 1 file changed, 1 value\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			files := map[string]string{"apps/good.yaml": "image: a:1" + marked}
			maps.Copy(files, test.files)
			for name, content := range files {
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got := tidemark(t, "", append([]string{"set", "--path", "apps", "--image", "flux-system:app=app:2"}, test.args...)...)
			if got.code != test.want.code || !strings.HasPrefix(got.err, test.want.err) || !strings.HasPrefix(got.out, test.want.out) {
				t.Errorf("got %+v\nwant %+v", got, test.want)
			}
			if content := folder(t, ".")["apps/good.yaml"]; content != "image: app:2"+marked {
				t.Errorf("what could be written was not: %s", content)
			}
		})
	}
}

func TestSetFollowsNoLink(t *testing.T) {
	const marked = "image: a:1 # {\"$imagepolicy\": \"flux-system:app\"}\n"
	t.Chdir(t.TempDir())
	for _, dir := range []string{"apps", "outside"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("outside/x.yaml", []byte(marked), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"apps/file.yaml": "../outside/x.yaml", "apps/folder": "../outside", "link": "outside", "x.yaml": "outside/x.yaml"} {
		if err := os.Symlink(target, name); err != nil {
			t.Skip(err)
		}
	}
	tidemark(t, "", "set", "--path", "apps", "--image", "flux-system:app=app:2").wants(t,
		terminal{err: "⚠ no marker names flux-system:app\n✔ nothing to change\n"})
	for _, name := range []string{"link", "x.yaml"} {
		tidemark(t, "", "set", "--path", name, "--image", "flux-system:app=app:2").wants(t,
			terminal{err: "✗ --path " + name + " is a symbolic link, and none is followed; name what it points to\n", code: 1})
	}
	if content := folder(t, "outside")["x.yaml"]; content != marked {
		t.Errorf("a link was followed: %s", content)
	}
}

func TestSetRefusesImagesThatAreNone(t *testing.T) {
	const sample = ", for example flux-system:podinfo=ghcr.io/stefanprodan/podinfo:6.5.1\n"
	for value, want := range map[string]string{
		"app:1.0":                            "expected NAMESPACE:NAME=IMAGE:TAG" + sample,
		"app=app:1.0":                        "expected NAMESPACE:NAME before the =, as it stands in the marker" + sample,
		"flux-system:app:tag=app:1.0":        "expected NAMESPACE:NAME before the =, without :tag; each marker says which part it wants\n",
		"flux-system:app=":                   "expected IMAGE:TAG after the =" + sample,
		"flux-system:app=https://ghcr.io/a":  "an image has no URL scheme; remove 'https://'\n",
		"flux-system:app=localhost:5000/app": "the image has no tag: expected IMAGE:TAG after the =, and @DIGEST if you like\n",
		"flux-system:app=App:1.0":            "expected IMAGE:TAG after the =: ",
		"flux-system:app=app:1.0@sha256:12":  "expected @sha256: and 64 hexadecimal digits after the tag: ",
		"flux-system:app=app:1.0@":           "expected @sha256: and 64 hexadecimal digits after the tag: ",
		"flux-system:app=app:1.0\x1b[2J":     "expected IMAGE:TAG after the =: ",
	} {
		got := tidemark(t, "", "set", "--path", "nowhere", "--image", value)
		if want = "✗ --image " + strings.ReplaceAll(value, "\x1b", "\ufffd") + ": " + want; got.code != 1 || !strings.HasPrefix(got.err, want) {
			t.Errorf("got %q, want %q", got.err, want)
		}
	}
	for want, args := range map[string][]string{
		"✗ --path is required: the folder, or the file, with the marked values\n": {"--image", "a:b=c:1"},
		"✗ --image is required: NAMESPACE:NAME=IMAGE:TAG" + sample:                {"--path", "."},
		"✗ --image a:b=c:2: an earlier --image says already what a:b is\n":        {"--path", ".", "--image", "a:b=c:1", "--image", "a:b=c:2"},
		"✗ -o xml: the output is name, json or yaml\n":                            {"--path", ".", "-o", "xml"},
	} {
		tidemark(t, "", append([]string{"set"}, args...)...).wants(t, terminal{err: want, code: 1})
	}
}

// goldenAt is golden for a test that works in another folder.
func goldenAt(t *testing.T, path, text string) {
	t.Helper()
	if os.Getenv("TIDEMARK_UPDATE_GOLDENS") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
