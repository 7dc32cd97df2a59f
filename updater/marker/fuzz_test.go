// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// FuzzEdit throws any file and any tag at Edit. Whatever it answers must obey
// the law, be stable when done again, and not differ when Find was asked first.
func FuzzEdit(f *testing.F) {
	seeds, err := filepath.Glob("testdata/golden/*/before/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range seeds {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, tag := range []string{"2.0.0", "1.10", "a:b", "1\n"} {
			f.Add(data, tag)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, tag string) { editAny(t, data, tag) })
}

// FuzzDamagedFile puts any text anywhere into a file that can be read, so that
// most of what results is nearly YAML.
func FuzzDamagedFile(f *testing.F) {
	for i, piece := range []string{": ", "- ", "? ", "#", " # {\"$imagepolicy\": \"a:b\"}", "\"", "'", "[", "{", ",", "&a ", "*a", "!!str ", "|", ">-\n",
		"\n---\n", "\n...\n", "\n%YAML 1.2\n---\n", "\t", "\r", "\\", "\u2028", "\ufeff", "<<: ", "\n\n", "{{ x }}", " ~", "\x00"} {
		f.Add(uint64(i), uint16(7*i), piece, "1.10")
	}
	f.Fuzz(func(t *testing.T, seed uint64, at uint16, piece, tag string) {
		data := randomFile(rand.New(rand.NewPCG(seed, 0)))
		cut := int(at) % (len(data) + 1)
		editAny(t, slices.Concat(data[:cut], []byte(piece), data[cut:]), tag)
	})
}

func editAny(t *testing.T, data []byte, tag string) {
	t.Helper()
	choose := marker.ByRef(func(ref marker.Ref) (marker.Image, bool) {
		return marker.Image{Name: "x.io/y", Tag: tag, Digest: digest}, ref.Name != "nobody"
	})
	original := bytes.Clone(data)
	result, err := marker.Edit(data, choose, marker.Options{})
	if !bytes.Equal(data, original) {
		t.Fatal("the input was modified")
	}
	markers, _, findErr := marker.Find(data, marker.Options{})
	if err != nil {
		if !bytes.Equal(result.Data, original) || len(result.Changes) > 0 {
			t.Fatal("failed, and changed something")
		}
		return
	}
	if findErr != nil {
		t.Fatalf("Find refuses what Edit has edited: %v", findErr)
	}
	if len(markers) < len(result.Changes) {
		t.Fatalf("%d changes at %d markers", len(result.Changes), len(markers))
	}
	checkLaw(t, data, result)
	checkPlaces(t, markers, result)
	checkWithout(t, data, result)
	trusted, err := marker.Edit(data, choose, marker.Options{Trusted: true})
	if err != nil || !bytes.Equal(trusted.Data, result.Data) {
		t.Fatalf("a trusted edit answers otherwise: %v", err)
	}
	again, err := marker.Edit(result.Data, choose, marker.Options{})
	if err != nil || len(again.Changes) > 0 {
		t.Fatalf("a second edit changes something: %v %+v\n%q", err, again.Changes, result.Data)
	}
}

// checkPlaces wants the places of the markers to be unique, and to stay what they
// are when the file is edited.
func checkPlaces(t *testing.T, before []marker.Marker, result marker.Result) {
	t.Helper()
	type place struct {
		document int
		path     string
	}
	seen := make(map[place]bool)
	for _, m := range before {
		at := place{m.Document, m.Path}
		if seen[at] {
			t.Fatalf("two markers are at %+v", at)
		}
		seen[at] = true
	}
	after, _, err := marker.Find(result.Data, marker.Options{})
	if err != nil || len(after) != len(before) {
		t.Fatalf("after the edit: %d markers, not %d: %v", len(after), len(before), err)
	}
	for i := range after {
		if after[i].Document != before[i].Document || after[i].Path != before[i].Path || after[i].Ref != before[i].Ref {
			t.Fatalf("%+v became %+v", before[i], after[i])
		}
	}
}

// checkWithout takes every other change back.
func checkWithout(t *testing.T, data []byte, result marker.Result) {
	t.Helper()
	left, err := result.Without(func(i int) bool { return i%2 == 0 })
	if err != nil {
		t.Fatalf("taking changes back: %v", err)
	}
	if len(left.Changes) != len(result.Changes)/2 {
		t.Fatalf("%d of %d changes are left", len(left.Changes), len(result.Changes))
	}
	checkLaw(t, data, left)
	rest, err := result.Without(func(i int) bool { return i%2 == 1 })
	if err != nil || len(rest.Changes)+len(left.Changes) != len(result.Changes) {
		t.Fatalf("taking the others back: %v", err)
	}
}

// TestRandomFilesObeyTheLaw builds files at random from pieces of YAML that are
// hard to edit, so that most of them can be read, unlike those of the fuzzer.
func TestRandomFilesObeyTheLaw(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	tags := []string{"2.0.0", "1.10", "true", "0x1F", "v1", "2024-01-01", "1e3", "null", "0755"}
	edited := 0
	for range 3000 {
		data := randomFile(rng)
		tag := tags[rng.IntN(len(tags))]
		editAny(t, data, tag)
		if t.Failed() {
			t.Fatalf("the file:\n%q", data)
		}
		result, err := marker.Edit(data, marker.ByRef(func(marker.Ref) (marker.Image, bool) {
			return marker.Image{Name: "x", Tag: tag}, true
		}), marker.Options{})
		if err == nil {
			edited += len(result.Changes)
		}
	}
	if edited < 3000 {
		t.Errorf("only %d values were edited: the files are poor", edited)
	}
}

func randomFile(rng *rand.Rand) []byte {
	var b strings.Builder
	if rng.IntN(8) == 0 {
		b.WriteString("\ufeff")
	}
	for range 1 + rng.IntN(3) {
		if rng.IntN(2) == 0 {
			b.WriteString(pick(rng, "---\n", "--- # c\n", "...\n---\n", "# head 🚀\n---\n"))
		}
		randomBlock(rng, &b, 0, 0)
	}
	text := b.String()
	switch rng.IntN(4) {
	case 0:
		text = strings.ReplaceAll(text, "\n", "\r\n")
	case 1:
		text = strings.TrimSuffix(text, "\n")
	}
	return []byte(text)
}

func pick(rng *rand.Rand, from ...string) string { return from[rng.IntN(len(from))] }

func randomBlock(rng *rand.Rand, b *strings.Builder, indent, depth int) {
	pad := strings.Repeat(" ", indent)
	sequence := rng.IntN(3) == 0
	for i := range 1 + rng.IntN(4) {
		if rng.IntN(5) == 0 {
			b.WriteString(pick(rng, "\n", "# note\n", pad+"# é 🚀 note\n", "   \n"))
		}
		if rng.IntN(6) == 0 {
			b.WriteString(pad + `# {"$imagepolicy": "a:b:tag"}` + "\n")
		}
		b.WriteString(pad)
		if sequence {
			b.WriteString("-")
		} else {
			b.WriteString(keyName(rng, i) + ":")
		}
		if depth < 4 && rng.IntN(3) == 0 {
			b.WriteString(pick(rng, "\n", " # x\n", " &a"+string(rune('a'+i))+"\n", "  \n"))
			randomBlock(rng, b, indent+1+rng.IntN(3), depth+1)
			continue
		}
		randomScalar(rng, b, pad)
	}
}

func keyName(rng *rand.Rand, i int) string {
	return pick(rng, "key", "é", "image", "a-b.c/d", "x y") + string(rune('a'+i))
}

func randomScalar(rng *rand.Rand, b *strings.Builder, pad string) {
	mark := pick(rng, "", " # c", ` # {"$imagepolicy": "a:b"}`, `  #{"$imagepolicy":"a:b:tag"} `,
		"\t"+`# {"$imagepolicy": "a:b:digest"}`, ` # {"$imagepolicy": "a:nobody"}`)
	switch rng.IntN(10) {
	case 8:
		b.WriteString(" {only, 'quoted':" + mark + "\n" + pad + "   a:1 " + mark + "\n" + pad + "  , [k]: v, }" + mark + "\n")
	case 9:
		b.WriteString(" &deep\n" + pad + "    ? k" + mark + "\n" + pad + "    : a:1" + mark + "\n" + pad + "    ? left\n")
	case 0:
		b.WriteString(" " + pick(rng, "|", ">-", "|+", "|2-", ">") + mark + "\n" + pad + "    a:1\n")
	case 1:
		b.WriteString(" [ a, \n" + pad + "   'b'," + mark + "\n" + pad + "  {k: v" + mark + "\n" + pad + " } ]\n")
	case 2:
		b.WriteString(mark + "\n")
	case 3:
		b.WriteString(` "two` + "\n" + pad + "   lin\\u0065s \\\n" + pad + `  more"` + mark + "\n")
	default:
		b.WriteString(pick(rng, " ", "  ", " &x ", " !!str ", " !t &y ") +
			pick(rng, "a:1", "'a'", `"a"`, "1.0", "~", "''", `""`, "a b", "é🚀", "it''s", "a#b", "'it''s'", "- ", "true") +
			mark + "\n")
	}
}
