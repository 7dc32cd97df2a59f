// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldens are the files that the golden tests edit.
func goldens(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/golden/*/before/*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	files := make(map[string][]byte)
	for _, path := range paths {
		if files[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func choosePinned(Marker) (Image, Verdict) {
	return Image{Name: "ghcr.io/a/b", Tag: "1.10", Digest: "sha256:00"}, Write
}

// TestTheProofRefusesDamage writes other texts than the intended ones at the places
// of the edits, as a faulty editor could, and wants every one to be found out.
func TestTheProofRefusesDamage(t *testing.T) {
	damage := map[string]func(string) string{
		"nothing":        func(string) string { return "" },
		"another value":  func(s string) string { return strings.Replace(s, "1", "2", 1) },
		"cut":            func(s string) string { return s[:len(s)/2] },
		"quote left out": func(s string) string { return strings.TrimRight(s, `"'`) },
		"another quote":  func(s string) string { return `'` + strings.Trim(s, ` "'`) + `'x` },
		"a comment":      func(s string) string { return s + " # x" },
		"a key":          func(s string) string { return s + ": x" },
		"a line":         func(s string) string { return s + "\nx: y" },
		"a document":     func(s string) string { return s + "\n---\nx: y" },
		"an item":        func(s string) string { return s + ", x" },
		"a bracket":      func(s string) string { return s + "]" },
		"an anchor":      func(s string) string { return " &anchor " + s },
		"a tag":          func(s string) string { return " !!binary " + s },
		"a blank":        func(s string) string { return s + " x" },
		"a number":       func(string) string { return " 1.10" },
	}
	tried := 0
	for path, data := range goldens(t) {
		f, err := open(data, Options{})
		if err != nil || len(f.places) == 0 {
			continue
		}
		edits, _ := f.plan(choosePinned)
		for i := range edits {
			if err := f.prove(f.splice(edits), edits, true); err != nil {
				break // refused without any damage
			}
			for name, spoil := range damage {
				bad := append([]edit(nil), edits...)
				bad[i].text = spoil(bad[i].text)
				spoiled := f.splice(bad)
				if bytes.Equal(spoiled, f.splice(edits)) || harmless(name, f, bad[i]) {
					continue
				}
				tried++
				for _, before := range []bool{true, false} {
					if err := f.prove(spoiled, bad, before); !errors.Is(err, ErrUnproven) {
						t.Errorf("%s, %s in edit %d (first look: %t): %v\n%s", path, name, i, before, err, spoiled)
					}
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d damages were tried", tried)
	}
}

// harmless: a comment behind a value changes no document, and with a tag no number
// is one.
func harmless(name string, f *file, e edit) bool {
	nd := &f.nodes[e.node]
	return name == "a comment" && nd.style != literalStyle && nd.style != foldedStyle ||
		name == "a number" && f.tag(nd) != nil
}

// TestPiecesAreProvenAsTheWhole edits files of several documents at random places,
// rightly and wrongly: the proof must answer alike with and without pieces.
func TestPiecesAreProvenAsTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	several, refused := 0, 0
	files := goldens(t)
	for range 20 {
		for path, data := range files {
			f, err := open(data, Options{})
			if err != nil || len(f.places) == 0 || f.joined || len(f.docs) < 2 {
				continue
			}
			edits, _ := f.plan(choosePinned)
			var some []edit
			for _, e := range edits {
				if rng.IntN(2) == 0 {
					if rng.IntN(4) == 0 {
						e.text += []string{"\n---\n", ": x", "\"", "\n...\n", "\n--- x", " #"}[rng.IntN(6)]
					}
					some = append(some, e)
				}
			}
			edited := f.splice(some)
			inPieces := f.prove(edited, some, true)
			f.joined = true
			whole := f.prove(edited, some, true)
			if (inPieces == nil) != (whole == nil) {
				t.Errorf("%s: %v in pieces, %v as a whole\n%s", path, inPieces, whole, edited)
			}
			several++
			if whole != nil {
				refused++
			}
		}
	}
	if several < 50 || refused < several/10 || refused > several*9/10 {
		t.Errorf("%d of %d were refused", refused, several)
	}
}

// TestErrorsOfALaterDocumentSayTheLineInTheFile: a piece is read alone.
func TestErrorsOfALaterDocumentSayTheLineInTheFile(t *testing.T) {
	data := []byte("a: b\n---\nc: d\n---\n\nx: old # {\"$imagepolicy\": \"a:b\"}\n")
	f, err := open(data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	edits, _ := f.plan(choosePinned)
	edits[0].text = "[x"
	inPiece := f.prove(f.splice(edits), edits, true)
	f.joined = true
	whole := f.prove(f.splice(edits), edits, true)
	if inPiece == nil || whole == nil || inPiece.Error() != whole.Error() {
		t.Errorf("%v, and of the whole file %v", inPiece, whole)
	}
}
