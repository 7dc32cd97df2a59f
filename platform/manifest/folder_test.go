// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-io/tidemark/platform/manifest"
)

func policy(name string) string {
	return "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: " + name + "}\nspec: {imageRepositoryRef: {name: a}}\n"
}

// write puts files into a folder: a name that ends with `@` is a link to the text.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, strings.TrimSuffix(name, "@"))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if strings.HasSuffix(name, "@") {
			err = os.Symlink(text, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func names(set *manifest.Set) []string {
	out := []string{}
	for _, o := range set.Objects {
		out = append(out, o.Name)
	}
	return out
}

func errorTexts(set *manifest.Set, dir string) []string {
	var out []string
	for _, e := range set.Errors {
		out = append(out, strings.ReplaceAll(e.Error(), dir+"/", ""))
	}
	return out
}

func TestAFolderIsReadInTheOrderOfItsPaths(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"b.yaml": policy("b"), "a/z.yml": policy("z"), "a/c.json": `{"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy", "metadata": {"name": "c"}}`,
		"README.md": "# not: a manifest", ".hidden.yaml": policy("hidden"), ".git/config.yaml": policy("git"),
		"kustomization.yaml": "resources: [b.yaml]\n", "x/kustomization.yaml": "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\n",
		"d.yaml": "", "e.YAML": policy("e"),
	})
	set, err := newCodec(t).Load(dir, manifest.Options{})
	if err != nil || set.Err() != nil || len(set.Warnings) > 0 {
		t.Fatal(err, set.Err(), set.Warnings)
	}
	if diff := cmp.Diff([]string{"c", "z", "b", "e"}, names(set)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"Kustomization": 2}, set.Skipped); diff != "" {
		t.Error(diff)
	}
}

func TestAMountedConfigMapIsRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"..2026_01_31/a.yaml": policy("a"), "..2026_01_31/b.yaml": policy("b"), "..data@": "..2026_01_31",
		"a.yaml@": "..data/a.yaml", "b.yaml@": "..data/b.yaml",
	})
	set, err := newCodec(t).Load(dir, manifest.Options{})
	if err != nil || set.Err() != nil {
		t.Fatal(err, set.Err())
	}
	if diff := cmp.Diff([]string{"a", "b"}, names(set)); diff != "" {
		t.Error(diff)
	}
}

func TestNoLinkLeadsOutOfTheFolder(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, outside, map[string]string{"secret.yaml": policy("secret"), "more/x.yaml": policy("x")})
	write(t, dir, map[string]string{
		"a.yaml": policy("a"), "absolute.yaml@": filepath.Join(outside, "secret.yaml"), "up.yaml@": "../" + filepath.Base(outside) + "/secret.yaml",
		"folder@": outside, "folder.yaml@": "inner", "inner/i.yaml": policy("i"), "dangling.yaml@": "nothing.yaml", "self.yaml@": "self.yaml",
	})
	set, err := newCodec(t).Load(dir, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "i"}, names(set)); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"absolute.yaml: cannot be read: it is a link that leads out of the folder; copy the file here",
		"dangling.yaml: cannot be read: no such file or directory",
		"folder.yaml: a link to a folder is not followed; put the folder itself here",
		"self.yaml: cannot be read: too many levels of symbolic links",
		"up.yaml: cannot be read: it is a link that leads out of the folder; copy the file here",
	}
	if diff := cmp.Diff(want, errorTexts(set, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestAnObjectInTwoFilesIsOneErrorWithBothPlaces(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.yaml": "# first\n" + policy("x"), "b.yaml": policy("y") + "---\n" + policy("x")})
	set, err := newCodec(t).Load(dir, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"b.yaml:6:1: ImagePolicy flux-system/x is at a.yaml:2 already, and that one counts; remove one of the two"}
	if diff := cmp.Diff(want, errorTexts(set, dir)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"x", "y"}, names(set)); diff != "" {
		t.Error(diff)
	}
}

func TestAFolderIsReadWithinBounds(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.yaml": policy("a"), "b.yaml": policy("b"), "c.yaml": policy("c") + strings.Repeat("#", 200)})
	for name, c := range map[string]struct {
		opts manifest.Options
		want []string
	}{
		"files":         {manifest.Options{MaxFiles: 2}, []string{"a", "b"}},
		"bytes of one":  {manifest.Options{MaxFileBytes: 200}, []string{"a", "b"}},
		"bytes of all":  {manifest.Options{MaxTotalBytes: int64(len(policy("a")) + 10)}, []string{"a"}},
		"without bound": {manifest.Options{}, []string{"a", "b", "c"}},
	} {
		set, err := newCodec(t).Load(dir, c.opts)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, names(set)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if (len(set.Errors) == 1) == (name == "without bound") {
			t.Errorf("%s: got %v", name, set.Err())
		}
		if name != "without bound" && !set.MayHold("ImagePolicy", "flux-system", "gone") {
			t.Errorf("%s: what was left out may hold anything", name)
		}
	}
}

func TestOneFileOrAStreamIsRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"policy.txt": policy("a")})
	codec := newCodec(t)
	set, err := codec.Load(filepath.Join(dir, "policy.txt"), manifest.Options{})
	if err != nil || len(set.Objects) != 1 {
		t.Fatal(err, set)
	}
	set, err = codec.Read("stdin", strings.NewReader(policy("a")+"---\na: b: c"), manifest.Options{})
	if err != nil || len(set.Objects) != 1 || len(set.Errors) != 1 || set.Errors[0].File != "stdin" {
		t.Fatal(err, set)
	}
	if _, err = codec.Read("stdin", iotest.ErrReader(fs.ErrClosed), manifest.Options{}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err = codec.Load(filepath.Join(dir, "nothing"), manifest.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// follow runs Follow over a folder and hands out its sets.
func follow(t *testing.T, dir string) (next func() *manifest.Set, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	sets, ended := make(chan *manifest.Set, 100), make(chan error, 1)
	codec := newCodec(t)
	go func() {
		ended <- codec.Follow(ctx, dir, 5*time.Millisecond, manifest.Options{}, func(s *manifest.Set) { sets <- s })
	}()
	next = func() *manifest.Set {
		t.Helper()
		select {
		case s := <-sets:
			return s
		case <-ctx.Done():
			t.Fatal("no set came")
			return nil
		}
	}
	return next, func() error { cancel(); return <-ended }
}

func TestAFolderIsFollowed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.yaml": policy("a")})
	next, stop := follow(t, dir)
	expect := func(what string, want ...string) {
		t.Helper()
		for {
			// A change of several steps may be seen in between.
			got := names(next())
			if cmp.Equal(want, got) {
				return
			}
			t.Logf("%s: not yet: %v", what, got)
		}
	}
	expect("at once", "a")
	write(t, dir, map[string]string{"b.yaml": policy("b")})
	expect("a file is added", "a", "b")
	write(t, dir, map[string]string{"a.yaml": policy("x")})
	expect("a file of the same length", "x", "b")
	write(t, dir, map[string]string{"new": policy("y")})
	if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	expect("a file is put in another's place", "y", "b")
	if err := os.Remove(filepath.Join(dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	expect("a file is deleted", "y")
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if set := next(); len(set.Errors) != 1 || !set.MayHold("ImagePolicy", "flux-system", "y") {
		t.Errorf("without the folder: %v", set.Err())
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	expect("the folder is back", "y")
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestASwapOfAMountedConfigMapIsSeen(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"..1/a.yaml": policy("a"), "..2/a.yaml": policy("b"), "..data@": "..1", "a.yaml@": "..data/a.yaml"})
	next, stop := follow(t, dir)
	if got := names(next()); !cmp.Equal(got, []string{"a"}) {
		t.Fatal(got)
	}
	write(t, dir, map[string]string{"..tmp@": "..2"})
	if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if got := names(next()); !cmp.Equal(got, []string{"b"}) {
		t.Fatal(got)
	}
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOnlyAChangeOfContentIsTold(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.yaml": policy("a")})
	next, stop := follow(t, dir)
	next()
	for i := range 3 {
		// The same content, another time and inode.
		write(t, dir, map[string]string{"tmp": policy("a")})
		if err := os.Rename(filepath.Join(dir, "tmp"), filepath.Join(dir, "a.yaml")); err != nil {
			t.Fatal(err)
		}
		past := time.Now().Add(-time.Duration(i+1) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, "a.yaml"), past, past); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, map[string]string{"tmp": policy("b")})
	if err := os.Rename(filepath.Join(dir, "tmp"), filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	if got := names(next()); !cmp.Equal(got, []string{"b"}) {
		t.Errorf("got %v: a set without a change", got)
	}
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFollowingNothingIsAnError(t *testing.T) {
	err := newCodec(t).Follow(t.Context(), filepath.Join(t.TempDir(), "nothing"), time.Millisecond, manifest.Options{},
		func(*manifest.Set) { t.Error("a set") })
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(fmt.Errorf("got %w", err))
	}
}
