// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/updater/marker"
)

const threeImages = "a: x:1" + mark + "\nb: 'x:1'" + mark + "\n---\na: \"x:1\" " + mark + "\nc: x:1 # {\"$imagepolicy\": \"flux-system:nobody\"}\n"

func TestChangesCanBeTakenBack(t *testing.T) {
	const image = "ghcr.io/stefanprodan/podinfo:6.1.0"
	tests := map[string]struct {
		back []int
		want string
	}{
		"none":  {nil, strings.ReplaceAll(strings.Replace(threeImages, "c: x:1", "c: keep", 1), "x:1", image)},
		"first": {[]int{0}, strings.ReplaceAll(strings.Replace(strings.Replace(threeImages, "c: x:1", "c: keep", 1), "a: x:1", "a: keep", 1), "x:1", image)},
		"last":  {[]int{2}, strings.ReplaceAll(strings.Replace(strings.Replace(threeImages, "c: x:1", "c: keep", 1), `"x:1"`, `"keep"`, 1), "x:1", image)},
		"all":   {[]int{0, 1, 2}, threeImages},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			data := []byte(threeImages)
			result, err := marker.Edit(data, marker.ByRef(lookup), marker.Options{})
			if err != nil || len(result.Changes) != 3 {
				t.Fatal(err, result.Changes)
			}
			left, err := result.Without(func(i int) bool {
				for _, b := range test.back {
					if b == i {
						return true
					}
				}
				return false
			})
			want := strings.ReplaceAll(test.want, "keep", "x:1")
			if err != nil || string(left.Data) != want {
				t.Fatalf("%v\n%s\n--- want\n%s", err, left.Data, want)
			}
			if len(left.Changes) != 3-len(test.back) || len(left.Problems) != 1 {
				t.Errorf("%d changes and %d problems are left", len(left.Changes), len(left.Problems))
			}
			checkLaw(t, data, left)
			if len(test.back) == 3 && &left.Data[0] != &data[0] {
				t.Error("nothing is changed, but the data is another slice")
			}
			if len(test.back) == 0 && &left.Data[0] != &result.Data[0] {
				t.Error("nothing is taken back, but the data is another slice")
			}
		})
	}
}

func TestAResultWithoutChangesHasNothingToTakeBack(t *testing.T) {
	data := []byte("a: b\n")
	result, err := marker.Edit(data, marker.ByRef(lookup), marker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	left, err := result.Without(func(int) bool { return true })
	if err != nil || string(left.Data) != "a: b\n" {
		t.Fatal(left, err)
	}
}

// TestKeepingAPlaceIsTakingItBack: a second Edit that keeps what Document and Path
// name gives what Without gives.
func TestKeepingAPlaceIsTakingItBack(t *testing.T) {
	for i := range 3 {
		result, err := marker.Edit([]byte(threeImages), marker.ByRef(lookup), marker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		held := result.Changes[i]
		second, err := marker.Edit([]byte(threeImages), func(m marker.Marker) (marker.Image, marker.Verdict) {
			if m.Document == held.Document && m.Path == held.Path {
				return marker.Image{}, marker.Keep
			}
			return marker.ByRef(lookup)(m)
		}, marker.Options{Trusted: true})
		if err != nil {
			t.Fatal(err)
		}
		left, err := result.Without(func(index int) bool { return index == i })
		if err != nil || string(left.Data) != string(second.Data) || len(left.Changes) != 2 || len(second.Changes) != 2 {
			t.Errorf("%d: %v\n%s\n%s", i, err, left.Data, second.Data)
		}
	}
}

// TestPlacesAreUnique: no two markers have one Document and Path, whatever the keys
// are; where a key occurs twice there is a problem and no marker.
func TestPlacesAreUnique(t *testing.T) {
	tests := map[string]struct {
		data    string
		markers []string
	}{
		"keys that look like paths": {"a: {b: x" + mark + "\n}\na.b: x" + mark + "\n\"a\\\"]\": x" + mark + "\n",
			[]string{"a.b", `["a.b"]`, `["a\"]"]`}},
		"numbers as keys": {"0: x" + mark + "\n1: [x" + mark + "\n]\n'[0]': x" + mark + "\n", []string{"0", "1[0]", `["[0]"]`}},
		"keys that are collections": {"? [a]\n: x" + mark + "\n? [a, b]\n: x" + mark + "\n? {c: d}\n: e: x" + mark + "\n",
			[]string{"[?0]", "[?1]", "[?2].e"}},
		"keys that are aliases":       {"k: &k v\n*k : x" + mark + "\n? *k\n: x" + mark + "\n", []string{"[?1]", "[?2]"}},
		"within a key":                {"? [x" + mark + "\n]\n: x" + mark + "\n", []string{"[?0]"}},
		"a key twice":                 {"a: x" + mark + "\n'a': x" + mark + "\nb: x" + mark + "\n", []string{"b"}},
		"a key twice in another form": {"1: x" + mark + "\n'1': x" + mark + "\n", nil},
		"a key twice further up":      {"a: {b: x" + mark + "\n}\na: {c: x" + mark + "\n}\n", nil},
		"the empty key":               {"\"\": x" + mark + "\n'': x" + mark + "\n", nil},
		"documents":                   {"a: x" + mark + "\n---\na: x" + mark + "\n", []string{"a", "a"}},
	}
	for name, test := range tests {
		markers, problems, err := marker.Find([]byte(test.data), marker.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var paths []string
		for _, m := range markers {
			paths = append(paths, m.Path)
		}
		if strings.Join(paths, " ") != strings.Join(test.markers, " ") {
			t.Errorf("%s: %q, want %q", name, paths, test.markers)
		}
		if len(markers)+len(problems) != strings.Count(test.data, marker.Key) {
			t.Errorf("%s: %d markers and %d problems", name, len(markers), len(problems))
		}
	}
	markers, _, err := marker.Find([]byte(manyDoubled()), marker.Options{})
	if err != nil || len(markers) != 1 {
		t.Errorf("a large mapping: %+v %v", markers, err)
	}
}

// manyDoubled is a mapping too large to compare each key with each.
func manyDoubled() string {
	var b strings.Builder
	for i := range 200 {
		b.WriteString("key" + strings.Repeat("x", i) + ": x\n")
	}
	return b.String() + "key: x" + mark + "\nother: x" + mark + "\n'keyx': x" + mark + "\n"
}
