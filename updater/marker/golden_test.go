// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/updater/marker"
)

const digest = "sha256:4a1c4b21597c1b4415bdbecb28a3296c6b5e23ca4f9feeb599860a1dac6a0108"

// images are the policies that the tests know, by namespace:name.
var images = map[string]marker.Image{
	"flux-system:podinfo": {Name: "ghcr.io/stefanprodan/podinfo", Tag: "6.1.0"},
	"flux-system:pinned":  {Name: "ghcr.io/stefanprodan/podinfo", Tag: "6.1.0", Digest: digest},
	"flux-system:float":   {Name: "x", Tag: "1.10"},
	"flux-system:bool":    {Name: "x", Tag: "true"},
	"flux-system:exp":     {Name: "x", Tag: "1e3"},
	"flux-system:hex":     {Name: "x", Tag: "0x1F"},
	"flux-system:date":    {Name: "x", Tag: "2024-01-01"},
	"flux-system:null":    {Name: "x", Tag: "null"},
	"flux-system:octal":   {Name: "x", Tag: "0755"},
	"flux-system:sixty":   {Name: "190", Tag: "30"},
	"flux-system:ipv6":    {Name: "[::1]:5000/x", Tag: "v1"},
	"flux-system:pending": {Name: "x"},
	"flux-system:hostile": {Name: "x", Tag: "1\n- injected: #"},
}

func lookup(ref marker.Ref) (marker.Image, bool) {
	image, ok := images[ref.Namespace+":"+ref.Name]
	return image, ok
}

// TestGolden edits testdata/golden/<case>/before and wants after, and in the
// file report what Edit says. UPDATE_GOLDEN=1 writes what it gets.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/golden/*/before")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, before := range cases {
		dir := filepath.Dir(before)
		t.Run(filepath.Base(dir), func(t *testing.T) { golden(t, dir) })
	}
}

func golden(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(dir, "before"))
	if err != nil {
		t.Fatal(err)
	}
	var report strings.Builder
	for _, entry := range files {
		data := readFile(t, filepath.Join(dir, "before", entry.Name()))
		original := bytes.Clone(data)
		result, err := marker.Edit(data, marker.ByRef(lookup), marker.Options{})
		describe(&report, entry.Name(), result, err)
		if !bytes.Equal(data, original) {
			t.Errorf("%s: the input was modified", entry.Name())
		}
		if err != nil && &result.Data[0] != &data[0] {
			t.Errorf("%s: failed, and yet there is an edited file", entry.Name())
		}
		checkLaw(t, data, result)
		compareFile(t, filepath.Join(dir, "after", entry.Name()), result.Data)
	}
	compareFile(t, filepath.Join(dir, "report"), []byte(report.String()))
}

func describe(b *strings.Builder, name string, result marker.Result, err error) {
	fmt.Fprintf(b, "%s\n", name)
	if err != nil {
		var file *marker.FileError
		fmt.Fprintf(b, "  error: %v (as FileError: %t)\n", err, errors.As(err, &file))
	}
	for _, c := range result.Changes {
		fmt.Fprintf(b, "  %d:%d document %d %s %+v %s: %q -> %q\n",
			c.Line, c.Column, c.Document, c.Path, c.Object, c.Ref, c.Old, c.New)
	}
	for _, p := range result.Problems {
		fmt.Fprintf(b, "  %s: %s [%s] %s\n", p.Kind, p, p.Ref, p.Path)
	}
}

func compareFile(t *testing.T, path string, got []byte) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := readFile(t, path); !bytes.Equal(want, got) {
		t.Errorf("%s differs\n--- got\n%s\n--- want\n%s", path, got, want)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
