// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark-io/tidemark/updater/marker"
)

func deployment(b *testing.B) []byte {
	b.Helper()
	data, err := os.ReadFile("testdata/golden/deployment/before/deployment.yaml")
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// BenchmarkEdit edits a file in which three values change.
func BenchmarkEdit(b *testing.B) {
	data := deployment(b)
	for _, trusted := range []bool{false, true} {
		b.Run(fmt.Sprintf("trusted=%t", trusted), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				result, err := marker.Edit(data, marker.ByRef(lookup), marker.Options{Trusted: trusted})
				if err != nil || len(result.Changes) != 3 {
					b.Fatal(err, result.Changes)
				}
			}
		})
	}
	b.Run("current", func(b *testing.B) {
		result, err := marker.Edit(data, marker.ByRef(lookup), marker.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := marker.Edit(result.Data, marker.ByRef(lookup), marker.Options{Trusted: true}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unmarked", func(b *testing.B) {
		unmarked := bytes.ReplaceAll(data, []byte(marker.Key), []byte("$otherpolicy"))
		b.SetBytes(int64(len(unmarked)))
		for b.Loop() {
			if _, err := marker.Edit(unmarked, marker.ByRef(lookup), marker.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDecodeEncode is what an editor does that decodes and encodes again.
func BenchmarkDecodeEncode(b *testing.B) {
	data := deployment(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var doc yaml.Node
		if err := yaml.Unmarshal(data, &doc); err != nil {
			b.Fatal(err)
		}
		if _, err := yaml.Marshal(&doc); err != nil {
			b.Fatal(err)
		}
	}
}
