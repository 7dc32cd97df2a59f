// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/platform/manifest"
)

// TestHostileFilesAreRefusedInTime reads what was made to be expensive: each is answered within seconds, most of them
// in milliseconds, and with an error where something is left out.
func TestHostileFilesAreRefusedInTime(t *testing.T) {
	const mega = 1 << 20
	for name, c := range map[string]struct {
		text string
		want string // in the first error; empty: none
	}{
		"a bomb of aliases": {bomb(), "too much"},
		"a bomb of text": {
			"apiVersion: v1\nkind: List\nx: &x " + strings.Repeat("x", mega) + "\nitems:\n" + strings.Repeat(
				"- {apiVersion: image.toolkit.fluxcd.io/v1, kind: ImagePolicy, metadata: {name: *x}, spec: {interval: *x}}\n", 20_000), "no duration",
		},
		"a line of mistakes": {
			`{"apiVersion": "v1", "kind": "List", "items": [` + strings.Repeat(
				`{"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy", "metadata": {"x": 1, "y": 1, "z": 1}},`, 30_000) + "null]}", "unknown field",
		},
		"a bomb of merges": {
			"apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: a}\nspec: {<<: [" +
				strings.Repeat("&a {<<: [", 40) + strings.Repeat("]}", 40) + "]}\n", "merge keys are nested",
		},
		"brackets":                 {strings.Repeat("[", mega), "too many values"},
		"less brackets":            {strings.Repeat("[", 9_000), "not YAML"},
		"closed brackets":          {strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000), ""},
		"nested lists":             {strings.Repeat("- ", mega), "too many values"},
		"commas":                   {"[" + strings.Repeat("a,", mega) + "]", "too many values"},
		"lines":                    {strings.Repeat("- a\n", mega), "too many values"},
		"documents":                {strings.Repeat("---\n", mega), ""},
		"documents with something": {strings.Repeat("a\n---\n", 600_000), "more than 20000 documents"},
		"broken documents":         {strings.Repeat("\"a\nb\nc\n---\n", 300_000), "a quote is opened"},
		"comments":                 {strings.Repeat("#\n", 400_000) + "a: 1", ""},
		"a long line":              {"a: " + strings.Repeat("x", 4*mega-3), ""},
		"a long quote":             {"a: \"" + strings.Repeat("x\n", 400_000), "a quote is opened"},
		"a long key":               {strings.Repeat("x", 3*mega) + ": a", "not YAML"},
		"questions":                {strings.Repeat("? ", mega), "too many values"},
		"colons":                   {strings.Repeat(": ", mega), "not YAML"},
		"anchors":                  {strings.Repeat("- &a b\n", 200_000), ""},
		"aliases":                  {"- &a b\n" + strings.Repeat("- *a\n", 200_000), ""},
		"tags":                     {strings.Repeat("!a ", mega), "not YAML"},
		"tabs":                     {strings.Repeat("\t", 4*mega), ""},
		"keys":                     {"apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\n" + strings.Repeat("a:\n", 400_000), "twice"},
		"larger than the bound":    {strings.Repeat("#", 4*mega+1), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			set := newCodec(t).Decode("x.yaml", []byte(c.text), manifest.Options{})
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			t.Logf("%v, %d MiB allocated, %d errors", took, (after.TotalAlloc-before.TotalAlloc)>>20, len(set.Errors))
			if took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			switch {
			case c.want == "" && len(set.Errors) > 0:
				t.Errorf("got %v", set.Errors[0])
			case c.want != "" && len(set.Errors) == 0:
				t.Error("no error")
			case c.want != "" && !strings.Contains(set.Errors[0].Error(), c.want):
				t.Errorf("got %v", set.Errors[0])
			}
		})
	}
}

// bomb is a list of ten lists of ten lists …, ten deep, by aliases.
func bomb() string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: List\nitems:\n- &a0 {apiVersion: apps/v1, kind: Deployment}\n")
	for i := range 10 {
		b.WriteString("- &a" + string(rune('1'+i)) + " {apiVersion: v1, kind: List, items: [")
		b.WriteString(strings.Repeat("*a"+string(rune('0'+i))+", ", 10) + "]}\n")
	}
	return b.String()
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(threeSteps))
	f.Add([]byte(bomb()))
	f.Add([]byte("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: aGk=}\n"))
	f.Add([]byte(`{"apiVersion": "v1", "kind": "List", "items": [{"kind": "\uD83D\uDE00\/"}]}`))
	f.Add([]byte("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: &m {name: a, <<: *m}\n" +
		"spec: {<<: [{image: a}], interval: 1s, exclusionList: [a], accessFrom: {namespaceSelectors: [{}]}}\n---\n\uFEFF---\r...\t\n%YAML 1.2\n"))
	codec := newCodec(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		set := codec.Decode("x.yaml", data, manifest.Options{Secrets: true, Namespaces: true, MaxFileBytes: 1 << 16})
		for _, e := range set.Errors {
			inside(t, data, e.File, e.Line, e.Column)
			if text := e.Detail(); len(text) > 10_000 || strings.ContainsAny(text, "\x1b\x00\r") {
				t.Errorf("no text for a terminal: %q", text)
			}
		}
		for _, w := range set.Warnings {
			inside(t, data, w.File, w.Line, w.Column)
		}
		for _, o := range set.Objects {
			line, column := o.Locate("spec.policy.semver.range")
			inside(t, data, o.File, line, column)
			text, err := codec.Encode(o.Message)
			if err != nil {
				t.Fatal(err)
			}
			again := codec.Decode("y.yaml", text, manifest.Options{})
			if len(again.Objects) != 1 || again.Err() != nil {
				t.Fatalf("%v in\n%s", again.Err(), text)
			}
			flux, err := codec.Encode(o.Message, manifest.ForFlux(func(w *manifest.Warning) {
				if strings.ContainsAny(w.String(), "\x1b\x00\r\n") {
					t.Errorf("no text for a terminal: %q", w)
				}
			}))
			if err != nil {
				t.Fatal(err)
			}
			if set := codec.Decode("flux.yaml", flux, manifest.Options{}); len(set.Objects) != 1 || set.Err() != nil {
				t.Fatalf("%v in\n%s", set.Err(), flux)
			}
			twice, err := codec.Encode(again.Objects[0].Message)
			if err != nil || string(twice) != string(text) {
				t.Fatalf("%v: first\n%s\nthen\n%s", err, text, twice)
			}
		}
	})
}

// inside checks that a place is one of the file: a line that it has, and a column of that line or the one behind its end.
func inside(t *testing.T, data []byte, file string, line, column int) {
	t.Helper()
	// The file's own idea of lines: CR LF, CR and LF end one.
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data)), "\n")
	switch {
	case file != "x.yaml":
		t.Errorf("the file is %q", file)
	case line == 0 && column == 0 && len(data) > 1<<16:
		// The whole file is meant, which is too large.
	case line < 1 || line > len(lines):
		t.Errorf("line %d of %d", line, len(lines))
	case column < 0 || column > len([]rune(lines[line-1]))+1:
		t.Errorf("column %d of %q", column, lines[line-1])
	}
}
