// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// FuzzMarkerText puts any text into a comment behind a value: it is a marker if
// and only if it is a JSON object of strings that names a policy.
func FuzzMarkerText(f *testing.F) {
	for _, text := range []string{
		`{"$imagepolicy": "a:b"}`, `{"$imagepolicy":"a:b:tag"}`, ` { "$imagepolicy" : "a:b:name" } `, `{"$imagepolicy": "a:b:digest", "x": "y"}`,
		`{"x": {"$imagepolicy": "a:b"}}`, `{"$imagepolicy": "a:b"} {}`, `{"$imagepolicy": "a:b", "$imagepolicy": "a:b"}`, `{"$imagepolicy": null}`,
		`{"$imagepolicy": "\u0061:b"}`, `# {"$imagepolicy": "a:b"}`, `{"$imagepolicy": "a:b:c"}`, `x {"$imagepolicy": "a:b"}`, `["$imagepolicy"]`,
		`{"$imagepolicy": "a:b:"}`, `{"$imagepolicy": "a:b",}`, `{"$imagepolicy": "a:b"`, `{"$imagepolicy":  "a:b"  }`, `{"$imagepolicy": "A:b"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, breaksLine) || len(text) > 4000 {
			t.Skip()
		}
		markers, problems, err := marker.Find([]byte("image: x:1 #"+text+"\n"), marker.Options{})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		want, ok := reference(text)
		switch {
		case ok && strings.Contains(text, marker.Key):
			if len(markers) != 1 || markers[0].Ref != want || len(problems) > 0 {
				t.Fatalf("%q: %+v %+v, want %+v", text, markers, problems, want)
			}
		case len(markers) > 0:
			t.Fatalf("%q is taken for %+v", text, markers)
		}
	})
}

// breaksLine reports whether a reader of YAML ends a line at r, or refuses it.
func breaksLine(r rune) bool {
	return unicode.IsControl(r) && r != '\t' || r == '\u2028' || r == '\u2029' || r == '\ufeff' || r == '\ufffe' || r == '\uffff'
}

// reference reads a marker with nothing of the package but ParseRef.
func reference(text string) (marker.Ref, bool) {
	text = strings.TrimSpace(strings.TrimLeft(text, "#"))
	var all map[string]*string
	if !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &all) != nil {
		return marker.Ref{}, false
	}
	for _, value := range all {
		if value == nil {
			return marker.Ref{}, false
		}
	}
	value := all[marker.Key]
	if value == nil || countKeys(text) != 1 {
		return marker.Ref{}, false
	}
	ref, err := marker.ParseRef(*value)
	return ref, err == nil
}

// countKeys counts the key in a JSON object of strings.
func countKeys(text string) int {
	dec, count := json.NewDecoder(strings.NewReader(text)), 0
	for i := 0; ; i++ {
		token, err := dec.Token()
		if err != nil {
			return count
		}
		if s, ok := token.(string); ok && s == marker.Key && i%2 == 1 {
			count++
		}
	}
}
