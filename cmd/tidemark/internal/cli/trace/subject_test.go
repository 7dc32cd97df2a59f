// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"strings"
	"testing"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

func TestNamesAndTagsAreToldApart(t *testing.T) {
	for text, want := range map[string]subject{
		"web":                       {name: "web"},
		"web:1.2.0":                 {name: "web", tag: "1.2.0"},
		"ghcr.io/acme/web:1.2.0":    {name: "ghcr.io/acme/web", tag: "1.2.0"},
		"localhost:5000/web":        {name: "localhost:5000/web"},
		"localhost:5000/web:1":      {name: "localhost:5000/web", tag: "1"},
		"web:1@sha256:0123456789ab": {name: "web", tag: "1"},
		"web@sha256:0123456789ab":   {name: "web"},
	} {
		if got, err := parseSubject(text); got != want || err != nil {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{":1", "web:", "web:a b", "https://ghcr.io/web", "@sha256:01"} {
		if got, err := parseSubject(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func TestAnImageIsMeantHoweverItIsWritten(t *testing.T) {
	r := func(image string) *scannerv1.ImageRepository {
		return &scannerv1.ImageRepository{Spec: &scannerv1.ImageRepositorySpec{Image: image}}
	}
	for _, tt := range []struct {
		asked, stored string
		want          bool
	}{
		{"nginx", "docker.io/library/nginx", true}, {"index.docker.io/library/nginx", "nginx", true}, {"ghcr.io/a/b", "ghcr.io/a/b", true},
		{"ghcr.io/a/b", "ghcr.io/a/c", false}, {"NGINX", "nginx", false}, {"b", "ghcr.io/a/b", false},
	} {
		if got := (subject{name: tt.asked}).means(r(tt.stored)); got != tt.want {
			t.Errorf("%s means %s: %t", tt.asked, tt.stored, got)
		}
	}
}

func TestPlacesAreReadAsEditorsWriteThem(t *testing.T) {
	for text, want := range map[string]place{
		"apps/web.yaml": {path: "apps/web.yaml"}, "./apps/web.yaml:12": {"apps/web.yaml", 12}, "/apps//web.yaml:12:7": {"apps/web.yaml", 12},
		"../../web.yaml:1": {"web.yaml", 1}, "a:b.yaml:3": {"a:b.yaml", 3}, "a:b.yaml": {path: "a:b.yaml"},
	} {
		got, err := parsePlace(text)
		if got != want || err != nil {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if again, err := parsePlace(got.String()); again != got || err != nil {
			t.Errorf("%s: %+v, %v", got, again, err)
		}
	}
}

func TestTheTagInAValue(t *testing.T) {
	for _, tt := range []struct{ marker, value, tag string }{
		{"apps:web", "ghcr.io/a/web:1.0.0", "1.0.0"}, {"apps:web", "localhost:5000/web", ""}, {"apps:web", "web:1.0.0@sha256:01", "1.0.0"},
		{"apps:web:tag", "1.0.0", "1.0.0"}, {"apps:web:tag", "1.0.0@sha256:01", "1.0.0"}, {"apps:web:name", "ghcr.io/a/web", ""},
		{"apps:web:digest", "sha256:01", ""},
	} {
		marker := parseSetter(tt.marker)
		if marker.of() != "apps/web" || marker.tagIn(tt.value) != tt.tag {
			t.Errorf("%s in %s: %+v says %q", tt.marker, tt.value, marker, marker.tagIn(tt.value))
		}
	}
}

func FuzzWhatIsAskedForIsReadOrRefused(f *testing.F) {
	for _, seed := range []string{"web:1", "a/b:1@sha256:x", "apps/web.yaml:12:3", ":", "../..:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := parseSubject(text); err == nil && (s.name == "" || s.tag != "" && !tagForm.MatchString(s.tag)) {
			t.Errorf("%q is %+v", text, s)
		}
		p, err := parsePlace(text)
		if err == nil && (p.path == "" || strings.HasPrefix(p.path, "/") || p.path == ".." || strings.HasPrefix(p.path, "../") || p.line < 0) {
			t.Errorf("%q is %+v", text, p)
		}
	})
}
