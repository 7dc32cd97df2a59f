// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"fmt"
	"testing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

// BenchmarkPhases is what each step of a run costs on 20,000 files, of which 1,000 are marked: by itself, so
// that a regression can be found.
func BenchmarkPhases(b *testing.B) {
	server, r := bigRepository(b)
	tip, err := r.Fetch(b.Context(), Ref{})
	if err != nil {
		b.Fatal(err)
	}
	listing, err := r.Walk(b.Context(), tip.Hash, marked)
	if err != nil || len(listing.Files) != 1000 {
		b.Fatal(err, len(listing.Files))
	}
	n := 0
	b.Run("fetch nothing", func(b *testing.B) {
		for b.Loop() {
			must(r.Fetch(b.Context(), Ref{}))
		}
	})
	b.Run("fetch one commit", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			n++
			must(server.Commit(app, "main", map[string]string{"README": fmt.Sprint(n)}, "theirs"))
			b.StartTimer()
			tip = must(r.Fetch(b.Context(), Ref{}))
		}
	})
	b.Run("walk", func(b *testing.B) {
		for b.Loop() {
			must(r.Walk(b.Context(), tip.Hash, marked))
		}
	})
	b.Run("read 1000 files", func(b *testing.B) {
		for b.Loop() {
			for _, file := range listing.Files {
				must(r.ReadFile(file))
			}
		}
	})
	for _, count := range []int{1, 1000} {
		var made Commit
		b.Run(fmt.Sprintf("commit %d", count), func(b *testing.B) {
			for b.Loop() {
				n++
				made = must(r.Commit(b.Context(), tip.Hash, edits(listing, count, n), info("x")))
			}
		})
		b.Run(fmt.Sprintf("push %d", count), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				n++
				tip = must(r.Fetch(b.Context(), Ref{}))
				made = must(r.Commit(b.Context(), tip.Hash, edits(listing, count, n), info("x")))
				b.StartTimer()
				must(r.Push(b.Context(), mainFrom(tip.Hash, made.Hash), PushOptions{}))
			}
		})
	}
}

func edits(listing Listing, count, n int) map[string][]byte {
	changes := make(map[string][]byte, count)
	for i, file := range listing.Files[:count] {
		changes[file.Path] = fmt.Appendf(nil, "value: %d of %d\nimage: app:1 # mark\n", i, n)
	}
	return changes
}

// bigRepository is a server with 20,000 files and a cache of it.
func bigRepository(b *testing.B) (*gitserver.Server, *Repo) {
	b.Helper()
	server, err := gitserver.Start(b.Context(), gitserver.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	files := map[string]string{}
	for i := range 20_000 {
		text := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c%d\ndata:\n  value: \"%d\"\n", i, i)
		if i%20 == 0 {
			text += "image: app:1 # mark\n"
		}
		files[fmt.Sprintf("team%d/app%d/f%d.yaml", i%20, i%200, i)] = text
	}
	if err := server.CreateRepository(app, "main", files); err != nil {
		b.Fatal(err)
	}
	r, err := Open(b.TempDir(), Remote{URL: server.RepositoryURL(app)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Close() })
	return server, r
}
