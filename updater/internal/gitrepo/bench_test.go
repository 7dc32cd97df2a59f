// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkRun is one steady-state run on 20,000 files of which 1,000 are marked: somebody else's commit is
// fetched, the marked files are listed, one is changed, committed and pushed. What the first run costs is
// reported beside it.
func BenchmarkRun(b *testing.B) {
	server, r := bigRepository(b)
	n := 0
	run := func() {
		n++
		tip, err := r.Fetch(b.Context(), Ref{Branch: "main"})
		if err != nil {
			b.Fatal(err)
		}
		listing, err := r.Walk(b.Context(), tip.Hash, marked)
		if err != nil || len(listing.Files) != 1000 {
			b.Fatal(err, len(listing.Files))
		}
		file := listing.Files[n%1000]
		content, err := r.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		made, err := r.Commit(b.Context(), tip.Hash, map[string][]byte{file.Path: fmt.Appendf(content, "# %d\n", n)}, info("x"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Push(b.Context(), []RefUpdate{{Name: "refs/heads/main", Old: tip.Hash, New: made.Hash}}, PushOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	run()
	first := time.Since(began)
	b.Run("steady", func(b *testing.B) {
		for b.Loop() {
			run()
		}
		b.ReportMetric(float64(first.Milliseconds()), "first-ms")
	})
	b.Run("steady after somebody's commit", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			if _, err := server.Commit(app, "main", map[string]string{"README": fmt.Sprint(n)}, "theirs"); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			run()
		}
	})
	b.Run("no change", func(b *testing.B) {
		for b.Loop() {
			tip, err := r.Fetch(b.Context(), Ref{Branch: "main"})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.Walk(b.Context(), tip.Hash, marked); err != nil {
				b.Fatal(err)
			}
		}
	})
}
