// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

// echo answers each question with the same bytes.
type echo struct{ top, manifest, config []byte }

func (e echo) Manifest(_ context.Context, digest string) (registry.Manifest, error) {
	if digest == "top" {
		return registry.Manifest{Bytes: e.top}, nil
	}
	return registry.Manifest{Bytes: e.manifest}, nil
}

func (e echo) Blob(context.Context, string, int64) ([]byte, error) { return e.config, nil }

func FuzzFactsAreBoundedAndSurviveTheStore(f *testing.F) {
	const manifest = `{"config":{"mediaType":"application/vnd.oci.image.config.v1+json"},"annotations":{"a":"b"}}`
	f.Add(`{"manifests":[{"digest":"d","platform":{"os":"linux","architecture":"arm","variant":"v7"}},{}]}`, manifest,
		`{"os":"linux","architecture":"amd64","created":"2025-01-01T00:00:00.123456789+01:00","config":{"Labels":{"x":"\ud800"}}}`)
	f.Add(manifest, ``, `{"created":"0001-01-01T00:00:00Z","config":null}`)
	f.Add(`{"manifests":null,"annotations":null}`, `[]`, `{"created":"9999-12-31T23:59:59-23:00"}`)
	f.Fuzz(func(t *testing.T, top, manifest, config string) {
		facts, err := read(t.Context(), echo{[]byte(top), []byte(manifest), []byte(config)}, "top")
		if err != nil {
			return
		}
		size := 0
		for name, value := range facts.Labels {
			size += len(name) + len(value)
		}
		if size > maxLabels || len(facts.Platforms) > maxPlatforms || len(facts.Incomplete) > 1000 {
			t.Errorf("%d bytes of labels, %d platforms, %d bytes of reason", size, len(facts.Platforms), len(facts.Incomplete))
		}
		encoded, err := facts.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(encoded)
		if err != nil || !again.Created.Equal(facts.Created) || len(again.Labels) != len(facts.Labels) {
			t.Errorf("%+v became %+v, %v", facts, again, err)
		}
	})
}

func TestManifestsOfTooManyElementsAreRefused(t *testing.T) {
	many := "[" + strings.TrimSuffix(strings.Repeat("{},", maxElements+1), ",") + "]"
	for _, text := range []string{
		`{"manifests":` + many + `}`, `{"annotations":[]}`, `{"manifests":{}}`, `{"annotations":{"a":1}}`, `[]`,
	} {
		if _, err := read(t.Context(), echo{top: []byte(text)}, "top"); err == nil {
			t.Errorf("%.30s was taken", text)
		}
	}
}
