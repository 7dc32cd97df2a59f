// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/updater/marker"
)

const mark = ` # {"$imagepolicy": "flux-system:podinfo"}`

type hostile struct {
	data string
	want error // nil: any answer in time
}

func TestHostileFilesAreRefusedInTime(t *testing.T) {
	tests := map[string]hostile{
		"too large":                   {strings.Repeat("a: b\n", 2<<20) + "x: y" + mark, marker.ErrTooLarge},
		"too many nodes":              {strings.Repeat("- a\n", 500_000) + "- x" + mark, marker.ErrTooComplex},
		"too many commas":             {"[" + strings.Repeat("a,", 500_000) + "]" + mark, marker.ErrTooComplex},
		"too many markers":            {strings.Repeat("- a"+mark+"\n", 10_001), marker.ErrTooManyMarkers},
		"deep brackets":               {"a: " + strings.Repeat("[", 1<<20) + mark, marker.ErrTooComplex},
		"deep dashes":                 {strings.Repeat("- ", 1<<20) + "x" + mark, marker.ErrTooComplex},
		"deep braces":                 {strings.Repeat("{a: ", 1<<20) + mark, marker.ErrTooComplex},
		"deep indentation":            {deep(2000) + mark, marker.ErrTooComplex},
		"invalid UTF-8":               {"a: \xff\xfe" + mark, marker.ErrEncoding},
		"a zero byte":                 {"a: \x00" + mark, marker.ErrNotYAML},
		"many anchors":                {"a: " + strings.Repeat("&a ", 1<<20) + mark, nil},
		"many questions":              {strings.Repeat("? ", 1<<20) + mark, nil},
		"many colons":                 {"a" + strings.Repeat(": ", 1<<20) + mark, nil},
		"many documents":              {strings.Repeat("---\n", 200_000) + "x: y" + mark, marker.ErrTooComplex},
		"not too many documents":      {strings.Repeat("---\n", 99_999) + "x: y" + mark, nil},
		"nodes in several documents":  {strings.Repeat("- a\n", 200_000) + "---\n" + strings.Repeat("- a\n", 210_000) + "- x" + mark, nil},
		"nodes in many documents":     {strings.Repeat("---\n"+strings.Repeat("- a\n", 200_000), 5) + "- x" + mark, marker.ErrTooComplex},
		"many comments":               {strings.Repeat("#\n", 1<<20) + "x: y" + mark, nil},
		"many blank lines":            {"a: b\n" + strings.Repeat(" \n", 1<<20) + "x: y" + mark, nil},
		"long key":                    {strings.Repeat("k", 4<<20) + ": x" + mark, nil},
		"open quote":                  {"a: \"" + strings.Repeat("x\n", 1<<20) + mark, marker.ErrNotYAML},
		"long folded value":           {"a: >\n" + strings.Repeat("  x\n\n", 1<<19) + "b: y" + mark, nil},
		"many empty lines in a value": {"a: 'x" + strings.Repeat("\n", 1<<20) + "'" + mark, nil},
		"one long plain value":        {"a: " + strings.Repeat("x ", 1<<20) + mark, nil},
		"blanks before breaks":        {"a: x" + strings.Repeat(strings.Repeat(" ", 100)+"\n", 20_000) + "b: y" + mark, nil},
		"many keys doubled":           {strings.Repeat("a: b\n", 100_000) + "a: y" + mark, nil},
		"long paths":                  {longPaths(), nil},
		"markers in a wide list":      {"kind: List\n" + strings.Repeat("a: b\n", 50_000) + "items:\n" + strings.Repeat("- x: y"+mark+"\n", 9_000), nil},
		"a million markers":           {strings.Repeat("- a #{\"$imagepolicy\":\"a:b\"}\n", 295_000), marker.ErrTooManyMarkers},
		"markers in one line":         {"a: b # " + strings.Repeat(`{"$imagepolicy":"a:b"}`, 350_000), nil},
		"markers in documents":        {strings.Repeat("---\na: x"+mark+"\n", 9_999), nil},
		"markers under deep braces":   {deepBraces(), nil},
		"markers in a long line":      {"[" + strings.Repeat("a, ", 150_000) + "\nb" + mark + "\n]", nil},
		"a long marker":               {"a: b # {\"$imagepolicy\": \"" + strings.Repeat("x", 8_000_000) + "\"}", nil},
		"a deep marker":               {"a: b # {\"$imagepolicy\": " + strings.Repeat("[", 8_000_000), nil},
		"a marker of many keys":       {"a: b # {" + strings.Repeat("\"k\": \"v\", ", 700_000) + "\"$imagepolicy\": \"flux-system:podinfo\"}", nil},
		"a long quoted value":         {"a: \"" + strings.Repeat("x", 8_000_000) + "\"" + mark, nil},
		"a long escaped value":        {"a: \"" + strings.Repeat(`\x41`, 800_000) + "\"" + mark, nil},
		"a long block":                {"a: |\n" + strings.Repeat("  x\n", 800_000) + "b: y" + mark, nil},
		"a long key in brackets":      {"{" + strings.Repeat("k", 2_000_000) + ": y" + mark + "\n}", nil},
		"many anchors in use":         {"a: &a b\nc: [" + strings.Repeat("*a, ", 150_000) + "]\nx: y" + mark, nil},
		"many zero bytes":             {"x: y" + mark + "\n" + strings.Repeat("\x00", 8_000_000), marker.ErrNotYAML},
		"a zero byte in a comment":    {"x: y" + mark + "\n# \x00\n", marker.ErrNotYAML},
		"invalid at the end":          {"x: y" + mark + "\n" + strings.Repeat("# é\n", 1_500_000) + "\xc3", marker.ErrEncoding},
		"surrogates":                  {"x: y" + mark + "\n# \xed\xa0\x80\n", marker.ErrEncoding},
		"much UTF-16":                 {"\xff\xfe" + wide(strings.Repeat("a: b\n", 600_000)+"x: y"+mark), marker.ErrEncoding},
		"many directives":             {strings.Repeat("%YAML 1.2\n", 700_000) + "---\nx: y" + mark, nil},
		"directives between":          {strings.Repeat("%YAML 1.2\n---\na: x"+mark+"\n...\n", 9_999), nil},
		"many line separators":        {"x: y" + mark + "\n# " + strings.Repeat("\u2028", 2_000_000), nil},
		"an alias of many letters":    {"x: y" + mark + "\nz: *" + strings.Repeat("a", 4_000_000) + "\n", marker.ErrNotYAML},
		"a tag of many letters":       {"x: !!" + strings.Repeat("a", 4_000_000) + " y" + mark, nil},
		"a doubled key of letters":    {strings.Repeat(strings.Repeat("k", 900)+": x"+mark+"\n", 5_000), nil},
		"many byte order marks":       {strings.Repeat("\ufeff", 2_000_000) + "x: y" + mark, nil},
	}
	limit := patience(t)
	for name, test := range tests {
		if len(test.data) < 2<<20 && strings.Contains(test.data, "\n") {
			tests[name+", carriage returns"] = hostile{strings.ReplaceAll(test.data, "\n", "\r"), test.want}
		}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			result, err := marker.Edit([]byte(test.data), marker.ByRef(lookup), marker.Options{})
			took := time.Since(start)
			t.Logf("took %s", took)
			if took > limit {
				t.Errorf("took %s, and %s are allowed", took, limit)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			for _, p := range result.Problems {
				if len(p.Text) > 1000 {
					t.Fatalf("a problem of %d bytes", len(p.Text))
				}
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err != nil && (len(result.Changes) > 0 || string(result.Data) != test.data) {
				t.Error("failed, and changed something")
			}
		})
	}
}

func deep(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String() + strings.Repeat(" ", levels) + "x"
}

// patience is how long a hostile file may take: a second on a quiet machine is the
// target; on a busy one, and with a race detector, it is told by what a harmless
// file of a megabyte takes.
func patience(t *testing.T) time.Duration {
	t.Helper()
	start := time.Now()
	if _, err := marker.Edit(bundle(1<<20), marker.ByRef(lookup), marker.Options{}); err != nil {
		t.Fatal(err)
	}
	return max(10*time.Second, 100*time.Since(start))
}

// deepBraces puts many markers below many levels of mappings with several keys.
func deepBraces() string {
	var b strings.Builder
	for range 480 {
		b.WriteString("{b: 1, c: 2, d: 3, e: 4, f: 5, g: 6, h: 7, i: 8, a:\n")
	}
	b.WriteString("[\n" + strings.Repeat("x, "+mark+"\n", 9_000) + "]" + strings.Repeat("}", 480))
	return b.String()
}

// wide is a text in UTF-16.
func wide(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte(text[i])
		b.WriteByte(0)
	}
	return b.String()
}

// longPaths nests long keys, and puts many markers below them.
func longPaths() string {
	var b strings.Builder
	for i := range 50 {
		b.WriteString(strings.Repeat(" ", i) + strings.Repeat("k", 1000) + ":\n")
	}
	for range 2000 {
		b.WriteString(strings.Repeat(" ", 50) + "- x" + mark + "\n")
	}
	return b.String()
}

func TestAliasBombsAreNotExpanded(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range 60 {
		prev, next := "a"+strings.Repeat("i", i)+"0", "a"+strings.Repeat("i", i+1)+"0"
		b.WriteString(next + ": &" + next + " [" + strings.Repeat("*"+prev+", ", 8) + "*" + prev + "]\n")
	}
	b.WriteString("image: a:1" + mark + "\nself: &self [*self]\n")
	result, err := marker.Edit([]byte(b.String()), marker.ByRef(lookup), marker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Changes) != 1 {
		t.Fatalf("%+v", result)
	}
}

func TestFilesWithoutMarkersAreIgnored(t *testing.T) {
	for _, data := range []string{"", "a: b", "{{ template }}\n\t- :", strings.Repeat("[", 10<<20)} {
		result, err := marker.Edit([]byte(data), marker.ByRef(lookup), marker.Options{})
		if err != nil || len(result.Problems) > 0 || len(result.Changes) > 0 {
			t.Errorf("%.20q: %v %+v", data, err, result.Problems)
		}
	}
}
