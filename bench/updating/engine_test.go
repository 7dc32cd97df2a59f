// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// engineRounds are gone in one run: the rates are of their sum.
const engineRounds = 5

// engine is how long each way took over the same files, in sum.
type engine struct {
	bytes                     int
	edit, trusted, find, yaml time.Duration
	look                      time.Duration
	all                       int
}

// BenchmarkMarkerEngine edits the 1,000 marked files of a repository, one marker in each, and compares with what a program
// does that reads YAML into nodes and writes it again (yaml.v3), which keeps comments but not the bytes around them:
//
//	edit     marker.Edit: find, replace, and prove with a second reader before and after
//	trusted  the same of files that were read before, which saves the second reader's first look
//	find     marker.Find alone
//	yaml     decode and encode of the same files
//	look     marker.Mentions over all 20,000 files: most files are only looked at
//
// The rates are of the files' bytes, on one core; a ratio above 1 is the faster one.
func BenchmarkMarkerEngine(b *testing.B) {
	files := repositoryFiles(large(b, 1000, 1), benchImage)
	var v engine
	for b.Loop() {
		for range engineRounds {
			v.round(b, files)
		}
	}
	v.report(b)
}

func (v *engine) round(tb testing.TB, files map[string]string) {
	tb.Helper()
	var all, marked [][]byte
	for _, content := range files {
		all = append(all, []byte(content))
		if marker.Mentions([]byte(content)) {
			marked = append(marked, []byte(content))
		}
	}
	v.look += timed(func() {
		for _, content := range all {
			v.all += len(content)
			if marker.Mentions(content) {
				continue
			}
		}
	})
	for _, content := range marked {
		v.bytes += len(content)
	}
	choose := marker.ByRef(func(marker.Ref) (marker.Image, bool) { return marker.Image{Name: benchImage, Tag: "1.0.1"}, true })
	edit := func(options marker.Options) func() {
		return func() {
			for _, content := range marked {
				result, err := marker.Edit(content, choose, options)
				if err != nil || len(result.Changes) != 1 {
					tb.Fatalf("%d changes, %v in\n%s", len(result.Changes), err, content)
				}
			}
		}
	}
	v.edit += timed(edit(marker.Options{}))
	v.trusted += timed(edit(marker.Options{Trusted: true}))
	v.find += timed(func() {
		for _, content := range marked {
			if found, _, err := marker.Find(content, marker.Options{}); err != nil || len(found) != 1 {
				tb.Fatalf("%d markers, %v in\n%s", len(found), err, content)
			}
		}
	})
	v.yaml += timed(func() {
		for _, content := range marked {
			if err := rewrite(content); err != nil {
				tb.Fatalf("%v in\n%s", err, content)
			}
		}
	})
}

// rewrite reads a file's documents into nodes, and writes them again.
func rewrite(content []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	for {
		var document yaml.Node
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF):
			return encoder.Close()
		case err != nil:
			return err
		}
		if err := encoder.Encode(&document); err != nil {
			return err
		}
	}
}

func (v *engine) report(b *testing.B) {
	b.Helper()
	rate := func(bytes int, took time.Duration) float64 { return float64(bytes) / 1e6 / took.Seconds() }
	b.ReportMetric(0, "ns/op") // a round's time says nothing
	b.ReportMetric(rate(v.bytes, v.edit), "edit-MB/s")
	b.ReportMetric(rate(v.bytes, v.trusted), "trusted-MB/s")
	b.ReportMetric(rate(v.bytes, v.find), "find-MB/s")
	b.ReportMetric(rate(v.bytes, v.yaml), "yaml-MB/s")
	b.ReportMetric(rate(v.all, v.look), "look-MB/s")
	b.ReportMetric(float64(v.yaml)/float64(v.edit), "edit/yaml")
	b.ReportMetric(float64(v.yaml)/float64(v.trusted), "trusted/yaml")
	b.ReportMetric(float64(v.yaml)/float64(v.find), "find/yaml")
}

func TestTheEngineIsMeasuredOverFilesThatItEdits(t *testing.T) {
	var v engine
	v.round(t, repositoryFiles(size{files: 100, marked: 10, policies: 1}, benchImage))
	if v.bytes == 0 || v.all <= v.bytes || min(v.edit, v.trusted, v.find, v.yaml, v.look) <= 0 {
		t.Errorf("measured %+v", v)
	}
}
