// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// BenchmarkFiles compares, for each file: an edit of a file that nobody has read
// before; of one that Find or Edit has read (Trusted); a run over one in which
// all is current; and what a decoder and an encoder of the same file take.
func BenchmarkFiles(b *testing.B) {
	files := []struct {
		name string
		data []byte
	}{
		{"deployment", []byte(realisticDeployment("podinfo", "1.0.0"))},
		{"bundle1MB", bundle(1 << 20)},
		{"values20k", largeValues()},
	}
	for _, file := range files {
		result, err := marker.Edit(file.data, marker.ByRef(lookup), marker.Options{})
		if err != nil || len(result.Changes) == 0 {
			b.Fatal(err)
		}
		unmarked := bytes.ReplaceAll(file.data, []byte(marker.Key), []byte("$otherpolicy"))
		b.Run(file.name+"/first", benchEdit(file.data, marker.Options{}, len(result.Changes)))
		b.Run(file.name+"/trusted", benchEdit(file.data, marker.Options{Trusted: true}, len(result.Changes)))
		b.Run(file.name+"/current", benchEdit(result.Data, marker.Options{Trusted: true}, 0))
		b.Run(file.name+"/unmarked", benchEdit(unmarked, marker.Options{}, 0))
		b.Run(file.name+"/decodeEncode", func(b *testing.B) {
			b.SetBytes(int64(len(file.data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := decodeEncode(file.data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchEdit(data []byte, opts marker.Options, changes int) func(*testing.B) {
	return func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			result, err := marker.Edit(data, marker.ByRef(lookup), opts)
			if err != nil || len(result.Changes) != changes {
				b.Fatal(err, len(result.Changes))
			}
		}
	}
}

// decodeEncode is what an editor does that decodes and encodes again.
func decodeEncode(data []byte) error {
	dec, enc := yaml.NewDecoder(bytes.NewReader(data)), yaml.NewEncoder(io.Discard)
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return enc.Close()
		case err != nil:
			return err
		}
		if err := enc.Encode(&doc); err != nil {
			return err
		}
	}
}
