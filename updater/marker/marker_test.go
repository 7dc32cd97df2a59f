// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/updater/marker"
)

func TestCandidate(t *testing.T) {
	tests := map[string]bool{
		"a.yaml": true, "x/y/a.yml": true, "Kustomization": true, "apps/Kustomization": true,
		"": false, "a.yaml.tmpl": false, "a.YAML": false, "kustomization": false, "a.json": false, "yaml": false,
		"Kustomization/readme.md": false,
	}
	for path, want := range tests {
		if got := marker.Candidate(path); got != want {
			t.Errorf("Candidate(%q) = %t", path, got)
		}
	}
}

func TestParseRefReadsWhatStringPrints(t *testing.T) {
	for _, text := range []string{"a:b", "flux-system:podinfo:tag", "n.s:p.q:name", "a:b:digest", "0:1"} {
		ref, err := marker.ParseRef(text)
		if err != nil || ref.String() != text {
			t.Errorf("%q: %+v, %v", text, ref, err)
		}
	}
	long := strings.Repeat("a", 254)
	for _, text := range []string{"", "a", ":", "a:", ":b", "a:b:", "a:b:c", "a:b:tag:x", "A:b", "a b:c", "-a:b", "a:b-", long + ":b", "a/b:c"} {
		if ref, err := marker.ParseRef(text); !errors.Is(err, marker.ErrRef) {
			t.Errorf("%q: %+v, %v", text, ref, err)
		}
	}
}

func TestRender(t *testing.T) {
	full := marker.Image{Name: "x/y", Tag: "1", Digest: "sha256:00"}
	tests := []struct {
		part  marker.Part
		image marker.Image
		want  string
		err   error
	}{
		{marker.Whole, full, "x/y:1@sha256:00", nil},
		{marker.Whole, marker.Image{Name: "x/y", Tag: "1"}, "x/y:1", nil},
		{marker.Tag, full, "1", nil},
		{marker.Name, full, "x/y", nil},
		{marker.Digest, full, "sha256:00", nil},
		{marker.Digest, marker.Image{Name: "x", Tag: "1"}, "", marker.ErrNoDigest},
		{marker.Whole, marker.Image{Name: "x"}, "", marker.ErrNoImage},
		{marker.Tag, marker.Image{Name: "x"}, "", marker.ErrNoImage},
		{marker.Tag, marker.Image{Tag: "a b"}, "", marker.ErrImage},
		{marker.Tag, marker.Image{Tag: "a\"b"}, "", marker.ErrImage},
		{marker.Tag, marker.Image{Tag: "é"}, "", marker.ErrImage},
		{marker.Tag, marker.Image{Tag: strings.Repeat("a", 2000)}, "", marker.ErrImage},
	}
	for _, test := range tests {
		if got, err := test.part.Render(test.image); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%v of %+v: %q, %v", test.part, test.image, got, err)
		}
	}
}

func TestSplitReference(t *testing.T) {
	tests := map[string]marker.Image{
		"":                          {},
		"a":                         {Name: "a"},
		"a:1":                       {Name: "a", Tag: "1"},
		"h:5000/a":                  {Name: "h:5000/a"},
		"h:5000/a:1":                {Name: "h:5000/a", Tag: "1"},
		"a@sha256:0":                {Name: "a", Digest: "sha256:0"},
		"h:5000/a/b:1.2@sha256:abc": {Name: "h:5000/a/b", Tag: "1.2", Digest: "sha256:abc"},
	}
	for ref, want := range tests {
		if got := marker.SplitReference(ref); got != want {
			t.Errorf("%q: %+v", ref, got)
		}
	}
}

func TestKeptMarkersAreNotWrittenNorReported(t *testing.T) {
	data := []byte("a: x:1" + mark + "\nb: x:1" + mark + "\n")
	result, err := marker.Edit(data, func(m marker.Marker) (marker.Image, marker.Verdict) {
		if m.Path == "a" {
			return marker.Image{}, marker.Keep
		}
		return marker.Image{Name: "x", Tag: "2"}, marker.Write
	}, marker.Options{})
	if err != nil || len(result.Problems) > 0 || len(result.Changes) != 1 || result.Changes[0].Path != "b" {
		t.Fatalf("%+v %v", result, err)
	}
}

func TestLimitsAreOptions(t *testing.T) {
	data := []byte("a: x" + mark + "\nb: x" + mark + "\n")
	tests := map[string]struct {
		opts marker.Options
		want error
	}{
		"bytes":   {marker.Options{MaxBytes: 10}, marker.ErrTooLarge},
		"markers": {marker.Options{MaxMarkers: 1}, marker.ErrTooManyMarkers},
		"nodes":   {marker.Options{MaxNodes: 3}, marker.ErrTooComplex},
		"none":    {marker.Options{MaxBytes: math.MaxInt, MaxNodes: math.MaxInt, MaxMarkers: math.MaxInt}, nil},
	}
	for name, test := range tests {
		if _, _, err := marker.Find(data, test.opts); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsSayTheLine(t *testing.T) {
	tests := map[string]int{
		"a: b\nimage: {{ .x }}:1" + mark + "\n":              2,
		"a: b\n\n\tx: y" + mark + "\n":                       3,
		"a: b\r\nc: 'x" + mark:                               2,
		"a: b\nx: y" + mark + "\n  c: d\n":                   3,
		"a: b\nc:\n  - d\n - x" + mark + "\n":                4,
		strings.Repeat("#\n", 9) + "a: [b" + mark + "\nc: d": 10,
	}
	for data, want := range tests {
		_, _, err := marker.Find([]byte(data), marker.Options{})
		var file *marker.FileError
		if !errors.As(err, &file) || !errors.Is(err, marker.ErrNotYAML) {
			t.Errorf("%q: %v", data, err)
			continue
		}
		if file.Line < want-1 || file.Line > want+1 {
			t.Errorf("%q: line %d, want about %d: %v", data, file.Line, want, err)
		}
	}
}
