// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

func TestPacksAreReadByGitAndByTheLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	want := map[Hash][]byte{}
	p := must(newPacker())
	for _, size := range []int{0, 1, 15, 16, 17, 2047, 2048, 2049, 1 << 18, 1<<18 + 1, 3 << 20} { // where the header grows
		for _, spread := range []int{2, 256} { // what deflates well, and what does not at all
			content := make([]byte, size)
			for i := range content {
				content[i] = byte(random.IntN(spread))
			}
			hash := objectID(plumbing.BlobObject, content)
			if hash != plumbing.ComputeHash(plumbing.BlobObject, content) {
				t.Fatalf("the id of %d bytes is %s", size, hash)
			}
			if _, twice := want[hash]; twice {
				continue
			}
			want[hash] = content
			must(0, p.add(plumbing.BlobObject, hash, content))
		}
	}
	all := p.done()
	parts, sum, err := pack(len(all.objects), all.bytes)
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Join(parts, nil)
	file := filepath.Join(t.TempDir(), "test.pack")
	write(t, file, string(content))
	if out, err := gitIn(t, filepath.Dir(file), "index-pack", "--strict", file); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := gitIn(t, filepath.Dir(file), "verify-pack", "-v", file); err != nil || strings.Count(out, " blob ") != len(want) {
		t.Fatalf("%v: %s", err, out)
	}
	if !bytes.HasSuffix(content, sum[:]) {
		t.Fatal("the name is not the checksum")
	}
	store := memory.NewStorage()
	must(0, packfile.UpdateObjectStorage(store, bytes.NewReader(content)))
	for hash, content := range want {
		object := must(store.EncodedObject(plumbing.BlobObject, hash))
		if got := must(io.ReadAll(must(object.Reader()))); !bytes.Equal(got, content) {
			t.Errorf("%s has %d bytes, want %d", hash, len(got), len(content))
		}
	}
}

// manyFiles are so many that a commit of all of them is stored as a pack.
func manyFiles() map[string]string {
	files := map[string]string{}
	for i := range 2 * manyObjects {
		files[fmt.Sprintf("d%d/f%d", i%4, i)] = "1"
	}
	return files
}

func commitAll(t *testing.T, r *Repo, base Hash, content string) Commit {
	t.Helper()
	changes := map[string][]byte{}
	for name := range manyFiles() {
		changes[name] = fmt.Appendf(nil, "%s: %s", content, name)
	}
	return must(r.Commit(t.Context(), base, changes, info(content)))
}

func TestAChainOfCommitsIsSentAsItWasPacked(t *testing.T) {
	server := startServer(t, gitserver.Config{}, manyFiles())
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	one := commitAll(t, r, tip.Hash, "one")
	two := commit(t, r, one.Hash, "d1/f1", "two")
	three := commitAll(t, r, two.Hash, "one") // d1/f1 is again what it was in the first
	size := 0
	for _, made := range []Commit{one, two, three} {
		size += len(r.packed[made.Hash].bytes)
	}
	report := push(t, r, tip.Hash, three.Hash)
	distinct := map[Hash]bool{}
	for _, made := range []Commit{one, two, three} {
		for _, hash := range made.Objects {
			distinct[hash] = true
		}
	}
	if all := len(one.Objects) + len(two.Objects) + len(three.Objects); report.Objects != len(distinct) || len(distinct) == all {
		t.Errorf("%d objects were sent; %d are different, of %d", report.Objects, len(distinct), all)
	}
	if report.PackBytes >= size+packHeader+packTrailer {
		t.Errorf("%d bytes were sent of %d", report.PackBytes, size)
	}
	if len(r.packed) != 0 || r.packedBytes != 0 {
		t.Errorf("%d commits of %d bytes are still kept", len(r.packed), r.packedBytes)
	}
	if got := git(t, server, "", "show", "main:d1/f1"); got != "one: d1/f1" {
		t.Errorf("d1/f1 is %q", got)
	}
	fsck(t, server)
	if out, err := gitIn(t, r.dir, "fsck", "--full", "--no-dangling"); err != nil {
		t.Errorf("the cache is no sound repository: %v: %s", err, out)
	}
}

func TestWhatIsKeptPackedIsBoundedAndNotNeeded(t *testing.T) {
	server := startServer(t, gitserver.Config{}, manyFiles())
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	noise := make([]byte, maxPacked/2)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	base := commitAll(t, r, tip.Hash, "one")
	for i := range 4 {
		noise[i]++
		base = commit(t, r, base.Hash, "d0/f0", string(noise))
		bytes := 0
		for _, kept := range r.packed {
			bytes += cap(kept.bytes)
		}
		if bytes != r.packedBytes || bytes > maxPacked {
			t.Fatalf("%d bytes are kept, %d counted", bytes, r.packedBytes)
		}
	}
	if len(r.packed) > 2 {
		t.Fatalf("%d commits are kept", len(r.packed))
	}
	push(t, r, tip.Hash, base.Hash)
	fsck(t, server)
}

func TestAPackIsSeenAtOnceAndAfterARestart(t *testing.T) {
	server := startServer(t, gitserver.Config{}, manyFiles())
	dir := t.TempDir()
	r := open(t, dir, Remote{URL: server.RepositoryURL(app)})
	tip := fetch(t, r, Ref{})
	made := commitAll(t, r, tip.Hash, "two")
	again := commitAll(t, r, tip.Hash, "two") // a preview's, and then the run's
	if made.Hash != again.Hash || packCount(t, r) != 2 {
		t.Fatalf("%d packs", packCount(t, r))
	}
	reads := func(r *Repo) {
		t.Helper()
		for _, file := range walk(t, r, made.Hash, WalkOptions{}).Files {
			if got := must(r.ReadFile(file)); string(got) != "two: "+file.Path {
				t.Fatalf("%s is %q", file.Path, got)
			}
		}
	}
	reads(r)
	if left := must(filepath.Glob(filepath.Join(r.dir, "objects", "pack", "tmp_*"))); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	must(0, r.Close())
	r = open(t, dir, Remote{URL: server.RepositoryURL(app)})
	reads(r)
	push(t, r, tip.Hash, made.Hash)
	fsck(t, server)
}
