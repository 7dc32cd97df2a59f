// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1" // #nosec G505 -- Git's
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

// within fails when something takes longer than it may on a slow machine.
func within(t *testing.T, most time.Duration, what func()) {
	t.Helper()
	began := time.Now()
	what()
	if took := time.Since(began); took > most {
		t.Errorf("it took %v, and %v is the most", took, most)
	}
}

func skippedPaths(listing Listing) string {
	var said []string
	for _, skipped := range listing.Skipped {
		said = append(said, skipped.Path+": "+skipped.Reason)
	}
	return strings.Join(said, "\n")
}

func TestHostileNamesAreNeverListed(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"x": "1"})
	file := blob(t, server, "mark")
	folder := git(t, server, "100644 blob "+file+"\tin.yaml\n", "mktree")
	names := []string{
		"..", ".", ".git", ".GIT", ".gIt", ".git ", ".git.", "git~1", "GIT~1", `a\b.yaml`, "a/b.yaml", "../../etc/x.yaml",
		"nl\nx.yaml", "tab\tx.yaml", "esc\x1b[31m.yaml", "del\x7f.yaml", "c1\u0085.yaml", "bad\xff.yaml", strings.Repeat("n", 2000) + ".yaml",
	}
	var entries []string
	for _, name := range names {
		mode, id := "100644 ", file
		if !isYAML(name) {
			mode, id = "40000 ", folder
		}
		entries = append(entries, mode+name, id)
	}
	rawTree(t, server, "hostile", append(entries, "100644 good.yaml", file)...)
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "hostile"})
	for range 2 {
		listing := walk(t, r, tip.Hash, marked)
		if got := paths(listing); got != "good.yaml" || listing.SkippedCount != len(names) {
			t.Fatalf("listed %q, skipped %d of %d:\n%s", got, listing.SkippedCount, len(names), skippedPaths(listing))
		}
		if strings.ContainsAny(skippedPaths(listing), "\x1b\x7f\u0085\t") {
			t.Errorf("control characters in\n%q", skippedPaths(listing))
		}
	}
}

func TestNamesThatDifferInCaseAreDifferentFiles(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a.yaml": "mark", "A.yaml": "mark", "D/x.yaml": "mark", "d/x.yaml": "mark", "d/X.yaml": "mark"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	if got := paths(walk(t, r, tip.Hash, marked)); got != "A.yaml D/x.yaml a.yaml d/X.yaml d/x.yaml" {
		t.Fatalf("files %q", got)
	}
	push(t, r, tip.Hash, commit(t, r, tip.Hash, "d/x.yaml", "mark 2").Hash)
	if got := git(t, server, "", "diff-tree", "-r", "--name-only", "--no-commit-id", "main"); got != "d/x.yaml" {
		t.Fatalf("changed %q", got)
	}
}

func TestANameThatAFolderHasTwiceIsPassedOver(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"x": "1"})
	one, two := blob(t, server, "mark 1"), blob(t, server, "mark 2")
	folder := git(t, server, "100644 blob "+one+"\tin.yaml\n", "mktree")
	rawTree(t, server, "odd", "100644 a.yaml", one, "100644 a.yaml", two, "100644 b.yaml", one, "40000 b.yaml", folder, "100644 c.yaml", one)
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "odd"})
	for range 2 {
		listing := walk(t, r, tip.Hash, marked)
		if got := paths(listing); got != "c.yaml" || listing.SkippedCount != 4 || !strings.Contains(skippedPaths(listing), "more than once") {
			t.Fatalf("files %q, skipped\n%s", got, skippedPaths(listing))
		}
	}
}

func TestAFolderOfNothingButSkippedFilesIsSaidEachTime(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"d/big.yaml": strings.Repeat("mark", 100), "e/a.yaml": "plain"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	options := marked
	options.MaxFileBytes = 100
	for range 3 {
		if listing := walk(t, r, tip.Hash, options); listing.SkippedCount != 1 {
			t.Fatalf("skipped\n%s", skippedPaths(listing))
		}
	}
}

// nested makes a tree of so many folders in one another, each named by name, with a marked file in the last.
func nested(t *testing.T, server *gitserver.Server, levels int, name string) {
	t.Helper()
	file := git(t, server, "mark", "hash-object", "-w", "--stdin")
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit refs/heads/deep\ncommitter A <a@b> 1 +0000\ndata 1\nx\nM 100644 %s %sa.yaml\n", file, strings.Repeat(name+"/", levels))
	git(t, server, in.String(), "fast-import", "--quiet")
}

func TestDeepNestingIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		levels int
		name   string
		word   string
	}{
		"many":       {1000, "d", "nested too deeply"},
		"and long":   {100, strings.Repeat("d", 250), "too long"},
		"not at all": {maxDepth, "d", ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := startServer(t, gitserver.Config{}, map[string]string{"x": "1"})
			nested(t, server, c.levels, c.name)
			r := openApp(t, server)
			within(t, 10*time.Second, func() {
				tip := fetch(t, r, Ref{Branch: "deep"})
				listing := walk(t, r, tip.Hash, marked)
				if c.word == "" && len(listing.Files) == 1 {
					return
				}
				if len(listing.Files) != 0 || !strings.Contains(skippedPaths(listing), c.word) {
					t.Fatalf("files %q, skipped\n%.300s", paths(listing), skippedPaths(listing))
				}
			})
		})
	}
}

// A million marked files, and a million folders that have to be reported, in a few objects.
func TestAMillionFilesAreBounded(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"x": "1"})
	for branch, entry := range map[string]string{"files": "100644 blob " + blob(t, server, "mark") + "\ta.yaml\n", "links": "120000 blob " + blob(t, server, "/etc") + "\ta.yaml\n"} {
		tree := git(t, server, entry, "mktree")
		for range 7 {
			var in strings.Builder
			for i := range 10 {
				fmt.Fprintf(&in, "040000 tree %s\t%d\n", tree, i)
			}
			tree = git(t, server, in.String(), "mktree")
		}
		git(t, server, "", "update-ref", "refs/heads/"+branch, git(t, server, "", "commit-tree", "-m", "x", tree))
	}
	r := openApp(t, server)
	for branch, word := range map[string]string{"files": "50000 marked files", "links": "2000000 files and folders"} {
		within(t, 20*time.Second, func() {
			tip := fetch(t, r, Ref{Branch: branch})
			_, err := r.Walk(t.Context(), tip.Hash, marked)
			wantKind(t, err, ErrTooLarge, word, "update.path")
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	tip := fetch(t, r, Ref{Branch: "links"})
	within(t, 5*time.Second, func() {
		_, err := r.Walk(ctx, tip.Hash, marked)
		wantKind(t, err, context.DeadlineExceeded)
	})
}

func TestAHugeFileIsPassedOver(t *testing.T) {
	if testing.Short() {
		t.Skip("100 MB")
	}
	server := startServer(t, gitserver.Config{}, map[string]string{"huge.yaml": strings.Repeat("a: b # mark, mark, mark, mark...\n", 100<<20/33), "a.yaml": "mark"})
	r := openApp(t, server)
	peak := peakMemory(t)
	within(t, 30*time.Second, func() {
		tip := fetch(t, r, Ref{})
		listing := walk(t, r, tip.Hash, marked)
		if got := paths(listing); got != "a.yaml" || !strings.Contains(skippedPaths(listing), "huge.yaml: it is larger than 8388608 bytes") {
			t.Fatalf("files %q, skipped\n%s", got, skippedPaths(listing))
		}
		push(t, r, tip.Hash, commit(t, r, tip.Hash, "a.yaml", "mark 2").Hash)
	})
	most := peak()
	t.Logf("%d MiB", most>>20)
	if most > 700<<20 {
		t.Errorf("%d MiB of memory", most>>20)
	}
}

// peakMemory measures the heap until the result is called, which returns how far it grew, in bytes.
func peakMemory(t *testing.T) func() uint64 {
	t.Helper()
	read := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	runtime.GC()
	before, most, stop, done := read(), uint64(0), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				most = max(most, read())
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		return most - min(most, before)
	}
}

// packed is one object of a pack that is made by hand, so that it can lie.
type packed struct {
	kind  plumbing.ObjectType
	says  int64 // its size
	extra []byte
	zlib  []byte
}

func deflated(content []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, err := w.Write(content)
	must(0, err)
	must(0, w.Close())
	return b.Bytes()
}

func honest(kind plumbing.ObjectType, content []byte) packed {
	return packed{kind: kind, says: int64(len(content)), zlib: deflated(content)}
}

func packOf(count uint32, objects ...packed) []byte {
	b := []byte("PACK\x00\x00\x00\x02")
	b = binary.BigEndian.AppendUint32(b, count)
	for _, o := range objects {
		first, rest := byte(o.kind)<<4|byte(o.says&15), uint64(o.says)>>4
		if rest == 0 {
			b = append(b, first)
		} else {
			b = binary.AppendUvarint(append(b, first|0x80), rest)
		}
		b = append(append(b, o.extra...), o.zlib...)
	}
	sum := sha1.Sum(b) // #nosec G401 -- Git's
	return append(b, sum[:]...)
}

// hostileServer says that main is at tip and sends the same pack whatever is asked for.
func hostileServer(t *testing.T, tip Hash, pack []byte) *Repo {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
			_, _ = w.Write(append([]byte("0008NAK\n"), pack...))
			return
		}
		line := tip.String() + " refs/heads/main\x00ofs-delta\n"
		_, _ = fmt.Fprintf(w, "001e# service=git-upload-pack\n0000%04x%s0000", len(line)+4, line)
	}))
	t.Cleanup(server.Close)
	return open(t, t.TempDir(), Remote{URL: server.URL + "/a.git"})
}

// made are a commit, its tree and a blob, as they are packed.
func made(t *testing.T, mode string, blobOf []byte) (tip Hash, commit, tree, file packed) {
	t.Helper()
	id := plumbing.ComputeHash(plumbing.BlobObject, blobOf)
	entries := append([]byte(mode+" a.yaml\x00"), id[:]...)
	root := plumbing.ComputeHash(plumbing.TreeObject, entries)
	text := fmt.Appendf(nil, "tree %s\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n", root)
	return plumbing.ComputeHash(plumbing.CommitObject, text), honest(plumbing.CommitObject, text), honest(plumbing.TreeObject, entries), honest(plumbing.BlobObject, blobOf)
}

func TestPacksThatLieAreRefused(t *testing.T) {
	tip, top, tree, file := made(t, "100644", []byte("mark"))
	zeroes := deflated(make([]byte, 100<<20))
	delta := func(kind plumbing.ObjectType, base []byte, target uint64) packed {
		o := honest(kind, append(binary.AppendUvarint(binary.AppendUvarint(nil, 4), target), 4, 'm', 'a', 'r', 'k'))
		o.extra = base
		return o
	}
	id := plumbing.ComputeHash(plumbing.BlobObject, []byte("mark"))
	whole := packOf(3, top, tree, file)
	for name, c := range map[string]struct {
		pack []byte
		kind error
	}{
		"says little and has much":     {packOf(3, top, tree, packed{kind: plumbing.BlobObject, says: 4, zlib: zeroes}), ErrProtocol},
		"says much":                    {packOf(3, top, tree, packed{kind: plumbing.BlobObject, says: 3 << 30, zlib: zeroes}), ErrTooLarge},
		"says much and has little":     {packOf(3, top, tree, packed{kind: plumbing.BlobObject, says: 200 << 20, zlib: file.zlib}), ErrProtocol},
		"says more than can be said":   {packOf(3, top, tree, packed{kind: plumbing.BlobObject, says: -1, zlib: zeroes}), ErrProtocol},
		"four thousand million":        {packOf(0xffffffff, top, tree, file), ErrTooLarge},
		"more objects than there are":  {packOf(4, top, tree, file), ErrProtocol},
		"a delta of gigabytes":         {packOf(3, top, tree, delta(plumbing.REFDeltaObject, id[:], 3<<30)), ErrTooLarge},
		"a delta that says too much":   {packOf(4, top, tree, file, delta(plumbing.REFDeltaObject, id[:], 200<<20)), ErrProtocol},
		"a delta of what is not there": {packOf(3, top, tree, delta(plumbing.REFDeltaObject, bytes.Repeat([]byte{7}, 20), 4)), ErrProtocol},
		"a delta of itself":            {packOf(3, top, tree, delta(plumbing.REFDeltaObject, tip[:], 4)), ErrProtocol},
		"a delta of nothing":           {packOf(3, top, tree, delta(plumbing.OFSDeltaObject, []byte{0}, 4)), ErrProtocol},
		"no such kind":                 {packOf(3, top, tree, packed{kind: 5, says: 4, zlib: file.zlib}), ErrProtocol},
		"no zlib":                      {packOf(3, top, tree, packed{kind: plumbing.BlobObject, says: 4, zlib: []byte("mark")}), ErrProtocol},
		"another commit":               {packOf(1, honest(plumbing.BlobObject, []byte("x"))), ErrProtocol},
		"no tree":                      {packOf(1, top), ErrProtocol},
		"cut off":                      {whole[:len(whole)-30], ErrProtocol},
		"a wrong checksum":             {append(bytes.Clone(whole[:len(whole)-1]), whole[len(whole)-1]^1), ErrProtocol},
		"no pack":                      {[]byte("<html>"), ErrProtocol},
		"nothing":                      {nil, ErrProtocol},
		"the truth":                    {whole, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := hostileServer(t, tip, c.pack)
			peak := peakMemory(t)
			within(t, 10*time.Second, func() {
				_, err := r.Fetch(t.Context(), Ref{Branch: "main"})
				if c.kind != nil {
					wantKind(t, err, c.kind)
				} else if err != nil {
					t.Fatal(err)
				}
			})
			if most := peak(); most > 300<<20 {
				t.Errorf("%d MiB of memory", most>>20)
			}
		})
	}
}

func TestAPackOfBombsEndsWithTheDeadline(t *testing.T) {
	tip, top, tree, _ := made(t, "100644", []byte("mark"))
	objects := []packed{top, tree}
	bomb := packed{kind: plumbing.BlobObject, says: 200 << 20, zlib: deflated(make([]byte, 200<<20))}
	for range 60 {
		objects = append(objects, bomb)
	}
	r := hostileServer(t, tip, packOf(62, objects...))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	within(t, 10*time.Second, func() {
		_, err := r.Fetch(ctx, Ref{Branch: "main"})
		wantKind(t, err, context.DeadlineExceeded)
	})
}

// What the repository itself lacks or has wrong is reported and passed over, not fetched again for ever.
func TestObjectsThatAreNotWhatTheTreeSaysArePassedOver(t *testing.T) {
	tip, top, tree, file := made(t, "100644", []byte("mark"))
	asFolder, folderTop, folderTree, _ := made(t, "40000", []byte("mark"))
	for name, c := range map[string]struct {
		tip    Hash
		pack   []byte
		reason string
		tries  int
	}{
		"a file that is missing":   {tip, packOf(2, top, tree), "is missing in the repository", 2},
		"a folder that is missing": {asFolder, packOf(2, folderTop, folderTree), "is missing in the repository", 2},
		"a file called a folder":   {asFolder, packOf(3, folderTop, folderTree, file), "is no tree", 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := hostileServer(t, c.tip, c.pack)
			for try := 1; ; try++ {
				listing, err := r.Walk(t.Context(), fetch(t, r, Ref{Branch: "main"}).Hash, marked)
				if try < c.tries {
					wantKind(t, err, ErrCacheDamaged)
					continue
				}
				if err != nil || listing.SkippedCount != 1 || !strings.Contains(skippedPaths(listing), c.reason) {
					t.Fatalf("try %d: %v, skipped\n%s", try, err, skippedPaths(listing))
				}
				return
			}
		})
	}
}
