// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package secret_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-io/tidemark/platform/secret"
)

var ctx = context.Background()

// tree makes files ("ns/name/key": "content"), links ("ns/name/key": "-> target") and folders ("ns/name/": "").
func tree(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, content := range files {
		full := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(full), 0o700))
		if target, isLink := strings.CutPrefix(content, "-> "); isLink {
			must(t, os.Symlink(target, full))
		} else if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(full, 0o700))
		} else {
			must(t, os.WriteFile(full, []byte(content), 0o600))
		}
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func plain(s secret.Secret) map[string]string {
	if s == nil {
		return nil
	}
	m := map[string]string{}
	for key, value := range s {
		m[key] = string(value)
	}
	return m
}

func TestDirReadsWhatAnOperatorOrAKubeletMade(t *testing.T) {
	want := map[string]string{"username": "u", "password": "p", ".dockerconfigjson": "{}"}
	for name, files := range map[string]map[string]string{
		"plain files": {"ns/reg/username": "u", "ns/reg/password": "p", "ns/reg/.dockerconfigjson": "{}"},
		"a mounted secret": {
			"ns/reg/..2026_11_21/username": "u", "ns/reg/..2026_11_21/password": "p", "ns/reg/..2026_11_21/.dockerconfigjson": "{}",
			"ns/reg/..data": "-> ..2026_11_21", "ns/reg/username": "-> ..data/username", "ns/reg/password": "-> ..data/password",
			"ns/reg/.dockerconfigjson": "-> ..data/.dockerconfigjson",
		},
		"a volume of a namespace": {
			"ns/..1/reg/username": "u", "ns/..1/reg/password": "p", "ns/..1/reg/.dockerconfigjson": "{}",
			"ns/..data": "-> ..1", "ns/reg": "-> ..data/reg",
		},
		"a volume of all": {
			"..1/ns/reg/username": "u", "..1/ns/reg/password": "p", "..1/ns/reg/.dockerconfigjson": "{}",
			"..data": "-> ..1", "ns": "-> ..data/ns",
		},
		"what is no key beside it": {
			"ns/reg/username": "u", "ns/reg/password": "p", "ns/reg/.dockerconfigjson": "{}",
			"ns/reg/password~": "old", "ns/reg/folder/": "", "ns/reg/gone": "-> ..data/gone", "ns/reg/a b": "x",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, version, err := secret.Dir(tree(t, t.TempDir(), files)).Get(ctx, "ns", "reg")
			if diff := cmp.Diff(want, plain(s)); err != nil || diff != "" || version == "" {
				t.Errorf("%v, version %q, %s", err, version, diff)
			}
		})
	}
}

func TestDirNeverReadsOutsideTheSecret(t *testing.T) {
	outside := tree(t, t.TempDir(), map[string]string{"key": "stolen", "reg/key": "stolen"})
	for name, files := range map[string]map[string]string{
		"a key that is an absolute link":   {"ns/reg/key": "-> " + outside + "/key"},
		"a key of another secret":          {"ns/reg/key": "-> ../other/key", "ns/other/key": "stolen"},
		"a key of another namespace":       {"ns/reg/key": "-> ../../other/reg/key", "other/reg/key": "stolen"},
		"a generation that is elsewhere":   {"ns/reg/key": "-> ..data/key", "ns/reg/..data": "-> ../other", "ns/other/key": "stolen"},
		"a secret that is a link":          {"ns/reg": "-> other", "ns/other/key": "stolen"},
		"a secret that is a link far away": {"ns/reg": "-> " + outside + "/reg", "ns/": ""},
		"a namespace that is a link":       {"ns": "-> other", "other/reg/key": "stolen"},
		"a namespace that is far away":     {"ns": "-> " + outside},
		"a volume's link turned outside":   {"ns/reg": "-> ..data/reg", "ns/..data": "-> " + outside},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, err := secret.Dir(tree(t, t.TempDir(), files)).Get(ctx, "ns", "reg")
			if err == nil || errors.Is(err, secret.ErrNotFound) {
				t.Errorf("got %v, %v", plain(s), err)
			}
			if strings.Contains(fmt.Sprint(err), "stolen") {
				t.Errorf("the error tells: %v", err)
			}
		})
	}
}

func TestNamesAreCheckedBeforeTheyTouchAnything(t *testing.T) {
	dir := tree(t, t.TempDir(), map[string]string{"ns/reg/key": "v", "key": "v"})
	memory := new(secret.Memory)
	for _, c := range [][2]string{
		{"..", "reg"}, {"ns", ".."}, {"ns", "."}, {"", "reg"}, {"ns", ""}, {"ns/reg", "x"}, {"ns", "../ns/reg"}, {"/ns", "reg"},
		{"ns", "reg/"}, {"ns", "..data"}, {"ns", "reg\x00"}, {"NS", "reg"}, {"ns", "a..b"}, {"ns", strings.Repeat("a", 254)}, {"ns", "reg\n"},
	} {
		for name, source := range map[string]secret.Source{
			"dir": secret.Dir(dir), "memory": memory, "layered": secret.Layered(memory, secret.Dir(dir)), "nothing": secret.Layered(),
		} {
			if _, _, err := source.Get(ctx, c[0], c[1]); !errors.Is(err, secret.ErrInvalidName) {
				t.Errorf("%s: %q: %v", name, c, err)
			}
		}
		if err := memory.Set(c[0], c[1], nil); !errors.Is(err, secret.ErrInvalidName) {
			t.Errorf("set %q: %v", c, err)
		}
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	dir := tree(t, t.TempDir(), map[string]string{"ns/reg/key": "v"})
	for name, source := range map[string]secret.Source{
		"dir": secret.Dir(dir), "no dir": secret.Dir(""), "a dir that is not there": secret.Dir(dir + "/none"),
		"memory": new(secret.Memory), "layers": secret.Layered(new(secret.Memory), secret.Dir(dir)),
	} {
		for _, c := range [][2]string{{"ns", "other"}, {"other", "reg"}} {
			if _, _, err := source.Get(ctx, c[0], c[1]); !errors.Is(err, secret.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestDirIsBounded(t *testing.T) {
	many := map[string]string{}
	for i := range 257 {
		many[fmt.Sprintf("ns/reg/k%d", i)] = ""
	}
	half := strings.Repeat("x", secret.MaxSize/2)
	for name, files := range map[string]map[string]string{
		"one large key":         {"ns/reg/key": half + half},
		"large keys":            {"ns/reg/a": half, "ns/reg/b": half},
		"many keys":             many,
		"an endless sparse one": {"ns/reg/": ""},
	} {
		dir := tree(t, t.TempDir(), files)
		if strings.HasPrefix(name, "an endless") {
			must(t, os.WriteFile(filepath.Join(dir, "ns/reg/key"), nil, 0o600))
			must(t, os.Truncate(filepath.Join(dir, "ns/reg/key"), 1<<40))
		}
		if _, _, err := secret.Dir(dir).Get(ctx, "ns", "reg"); !errors.Is(err, secret.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPipesAndSocketsBlockNobody(t *testing.T) {
	dir := tree(t, t.TempDir(), map[string]string{"ns/reg/key": "v"})
	must(t, syscall.Mkfifo(filepath.Join(dir, "ns/reg/pipe"), 0o600))
	t.Chdir(filepath.Join(dir, "ns/reg")) // a socket's path must be short
	l, err := net.Listen("unix", "socket")
	must(t, err)
	defer func() { _ = l.Close() }()
	s, _, err := secret.Dir(dir).Get(ctx, "ns", "reg")
	if diff := cmp.Diff(map[string]string{"key": "v"}, plain(s)); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
}

func TestVersionChangesWithTheContentAndTellsNothing(t *testing.T) {
	dir := tree(t, t.TempDir(), map[string]string{"ns/reg/key": "v", "ns/same/key": "v"})
	source := secret.Dir(dir)
	seen := map[string]string{}
	for _, step := range []struct {
		what   string
		change func()
		fresh  bool
	}{
		{"first", func() {}, true},
		{"nothing", func() {}, false},
		{"touched", func() { must(t, os.WriteFile(filepath.Join(dir, "ns/reg/key"), []byte("v"), 0o600)) }, false},
		{"value", func() { must(t, os.WriteFile(filepath.Join(dir, "ns/reg/key"), []byte("w"), 0o600)) }, true},
		{"another key", func() { must(t, os.WriteFile(filepath.Join(dir, "ns/reg/k"), []byte("eyw"), 0o600)) }, true},
		{"moved border", func() {
			must(t, os.Remove(filepath.Join(dir, "ns/reg/key")))
			must(t, os.WriteFile(filepath.Join(dir, "ns/reg/k"), []byte("eywkeyw"), 0o600))
		}, true},
	} {
		step.change()
		_, version, err := source.Get(ctx, "ns", "reg")
		must(t, err)
		if before, known := seen[version]; known == step.fresh {
			t.Errorf("after %s the version is that of %q", step.what, before)
		}
		seen[version] = step.what
	}
	_, here, err := source.Get(ctx, "ns", "same")
	must(t, err)
	_, there, err := secret.Dir(dir).Get(ctx, "ns", "same")
	must(t, err)
	if here == there {
		t.Error("the version is a plain hash of the content")
	}
}

func TestMemoryKeepsCopies(t *testing.T) {
	var m secret.Memory
	given := secret.Secret{"key": []byte("v")}
	must(t, m.Set("ns", "reg", given))
	given["key"][0] = 'x'
	got, first, err := m.Get(ctx, "ns", "reg")
	must(t, err)
	got["key"][0] = 'y'
	must(t, m.Set("ns", "reg", secret.Secret{"key": []byte("v")}))
	got, second, err := m.Get(ctx, "ns", "reg")
	must(t, err)
	must(t, m.Set("ns", "reg", secret.Secret{"key": []byte("w")}))
	_, third, err := m.Get(ctx, "ns", "reg")
	must(t, err)
	if string(got["key"]) != "v" || first != second || second == third {
		t.Errorf("got %v; versions %s, %s, %s", plain(got), first, second, third)
	}
	m.Delete("ns", "reg")
	if _, _, err := m.Get(ctx, "ns", "reg"); !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("after Delete: %v", err)
	}
	if err := m.Set("ns", "reg", secret.Secret{"k": make([]byte, secret.MaxSize)}); !errors.Is(err, secret.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

func TestLayersAreAskedInTurnAndAFailureHidesNothing(t *testing.T) {
	dir := tree(t, t.TempDir(), map[string]string{"ns/reg/key": "dir", "ns/bad/key": "-> /etc/hostname"})
	var m secret.Memory
	must(t, m.Set("ns", "bad", secret.Secret{"key": []byte("memory")}))
	source := secret.Layered(secret.Dir(dir), &m)
	s, below, err := source.Get(ctx, "ns", "reg")
	if err != nil || string(s["key"]) != "dir" {
		t.Errorf("got %v, %v", plain(s), err)
	}
	if s, _, err := source.Get(ctx, "ns", "bad"); err == nil {
		t.Errorf("got %v", plain(s))
	}
	must(t, m.Set("ns", "reg", secret.Secret{"key": []byte("memory")}))
	s, above, err := secret.Layered(&m, secret.Dir(dir)).Get(ctx, "ns", "reg")
	if err != nil || string(s["key"]) != "memory" || above == below {
		t.Errorf("got %v, %v, versions %s and %s", plain(s), err, below, above)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	s := secret.Secret{"visible": []byte("visible")}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+"\n", s, struct{ S secret.Secret }{s})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "in", map[string]any{"s": s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s, "in", struct{ S secret.Secret }{s})
	must(t, json.NewEncoder(&out).Encode(struct{ S secret.Secret }{s}))
	for _, bad := range []string{"visible", "76697369626c65", "118 105", "dmlzaWJsZQ"} {
		if strings.Contains(strings.ToLower(out.String()), strings.ToLower(bad)) {
			t.Errorf("%s is in\n%s", bad, out.String())
		}
	}
}
