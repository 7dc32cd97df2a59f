// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package set

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/updater/marker"
)

func TestAFileThatSomebodyElseWritesIsLeftToThem(t *testing.T) {
	for name, meddle := range map[string]func(path string) error{
		"content":   func(path string) error { return os.WriteFile(path, []byte("theirs"), 0o600) },
		"same size": func(path string) error { return os.WriteFile(path, []byte("olx"), 0o600) },
		"another file": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("old"), 0o600), os.Rename(path+".new", path))
		},
		"a link": func(path string) error {
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(filepath.Base(path)+".real", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "x.yaml")
			if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = root.Close() }()
			p := place{dir: root, name: "x.yaml"}
			before, info, err := p.read()
			if err != nil {
				t.Fatal(err)
			}
			if err := meddle(path); err != nil {
				t.Fatal(err)
			}
			theirs, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.replace(info, before, []byte("new")); !errors.Is(err, errChanged) {
				t.Errorf("got %v, want errChanged", err)
			}
			now, err := os.ReadFile(path)
			if err != nil || string(now) != string(theirs) {
				t.Errorf("the file is %q, %v; want %q", now, err, theirs)
			}
			left, err := filepath.Glob(filepath.Join(dir, ".x.yaml.tidemark-*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestMentionsSeesAMarkerAcrossParts(t *testing.T) {
	for _, before := range []int{0, 1<<20 - 5, 1<<20 - 1, 1 << 20, 3<<20 + 1<<19, 2<<20 - len(marker.Key)} {
		text := strings.Repeat("x", before) + marker.Key + strings.Repeat("y", 1<<20)
		if found, err := mentions(strings.NewReader(text)); err != nil || !found {
			t.Errorf("a marker after %d bytes: %t, %v", before, found, err)
		}
		if found, err := mentions(strings.NewReader(text[:before+len(marker.Key)-1])); err != nil || found {
			t.Errorf("half a marker after %d bytes: %t, %v", before, found, err)
		}
	}
}
