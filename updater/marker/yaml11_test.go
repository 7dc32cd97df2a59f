// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	goccy "github.com/goccy/go-yaml"
	"go.yaml.in/yaml/v3"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// yaml11 are the types of YAML 1.1 (yaml.org/type) that a plain scalar may have, as
// its implementations read them: with one dot in a float, and with the words in
// any case; and what YAML 1.2's core schema has beyond them.
var yaml11 = map[string]*regexp.Regexp{
	"null":      regexp.MustCompile(`^(?i:~|null|)$`),
	"bool":      regexp.MustCompile(`^(?i:y|yes|n|no|true|false|on|off)$`),
	"int":       regexp.MustCompile(`^[-+]?(0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(:[0-5]?[0-9])+)$`),
	"int12":     regexp.MustCompile(`^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$`),
	"float":     regexp.MustCompile(`^[-+]?(([0-9][0-9_]*)?\.[0-9_]*([eE][-+]?[0-9]+)?|[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*|\.(?i:inf)|\.(?i:nan))$`),
	"float12":   regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`),
	"timestamp": regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$|^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[Tt][0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?(Z|[-+][0-9]{1,2}(:[0-9]{2})?)?$`),
	"merge":     regexp.MustCompile(`^<<$`),
	"value":     regexp.MustCompile(`^=$`),
}

var ambiguousTags = []string{
	"1.10", "1e3", "1E5", "0x1f", "0X1F", "012", "0o17", "0b11", "1_000", ".5", "5.", "_1", "1__", "+1", "-1", "0", "00", "08",
	"true", "True", "TRUE", "tRue", "false", "null", "Null", "NULL", "~", "yes", "Yes", "no", "NO", "on", "On", "off", "OFF",
	"y", "Y", "n", "N", "NaN", ".nan", ".NaN", ".inf", "-.inf", "+.INF", "Infinity", "inf",
	"2026-01-02", "2026-1-2", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.6+01:00", "12:30:45", "1:2", "190:20:30.15", "20261121",
	"1.2e3", "1.2e-3", "1.", "1e", ".e3", "...", "---", "-", "--", ".",
}

// TestNoWrittenValueReadsAsAnythingButAString writes tags, chosen and made up,
// into plain scalars. What stands there without quotes afterwards is a string in
// YAML 1.1, in YAML 1.2 and to two other parsers; these get the tag back.
func TestNoWrittenValueReadsAsAnythingButAString(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 20_000 {
		tag := randomTag(rng)
		if i < len(ambiguousTags) {
			tag = ambiguousTags[i]
		}
		old := pick(rng, "old", "1.9", "~", "")
		data := []byte("tag: " + old + " # {\"$imagepolicy\": \"a:b:tag\"}\n")
		result, err := marker.Edit(data, always(marker.Image{Name: "x", Tag: tag}), marker.Options{})
		if err != nil {
			t.Fatalf("%q: %v", tag, err)
		}
		if len(result.Changes) == 0 {
			continue // it is no tag, or the value already
		}
		var node yaml.Node
		if err := yaml.Unmarshal(result.Data, &node); err != nil {
			t.Fatalf("%q: %v", tag, err)
		}
		var third map[string]any
		if err := goccy.Unmarshal(result.Data, &third); err != nil || third["tag"] != tag {
			t.Errorf("%q reads as %#v to a third parser: %v", tag, third["tag"], err)
		}
		value := node.Content[0].Content[1]
		if value.Value != tag || value.Tag != "!!str" {
			t.Errorf("%q reads as %s %q", tag, value.Tag, value.Value)
		}
		if value.Style == 0 {
			for name, pattern := range yaml11 {
				if pattern.MatchString(tag) {
					t.Errorf("%q stands without quotes and is a %s", tag, name)
				}
			}
		}
	}
}

// TestTagsThatAreStringsGetNoQuotes: quotes would change the file's style for nothing.
func TestTagsThatAreStringsGetNoQuotes(t *testing.T) {
	for _, tag := range []string{
		"1.2.3", "v1", "abc", "1.2.3-rc.1", "main-abc-123", "latest", "e5", "E12345", "deadbeef", "1a2b3c4", "2026-01-02-rc1",
		"20261121-abcdef", "1.27-alpine", "nightly", "v1.10", "yes1", "nope", "on-call", "1.0+build", "sha256-00", "0.1.0_x", "_",
	} {
		data := []byte("tag: old # {\"$imagepolicy\": \"a:b:tag\"}")
		result, err := marker.Edit(data, always(marker.Image{Tag: tag}), marker.Options{})
		if err != nil || !bytes.HasPrefix(result.Data, []byte("tag: "+tag+" #")) {
			t.Errorf("%q needs no quotes: %s %v", tag, result.Data, err)
		}
	}
}

// always makes a Chooser that gives every marker the same image.
func always(image marker.Image) marker.Chooser {
	return marker.ByRef(func(marker.Ref) (marker.Image, bool) { return image, true })
}

// randomTag makes a tag of pieces that numbers, dates and words are made of.
func randomTag(rng *rand.Rand) string {
	var b strings.Builder
	for range 1 + rng.IntN(6) {
		b.WriteString(pick(rng, "0", "1", "7", "9", "12", "60", "2026", ".", ".", "-", "+", "_", "e", "E", "x", "o", "b", "f", "a",
			":", "T", "Z", "inf", "nan", "null", "true", "yes", "y", "n", "on", "01", "-01", ":30"))
	}
	return b.String()
}
