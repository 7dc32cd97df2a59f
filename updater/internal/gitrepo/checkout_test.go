// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

func TestACommitIsDugOutOfItsBranch(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "0"})
	var ids []string
	for i := range 70 {
		id, err := server.Commit(app, "main", map[string]string{"a": fmt.Sprint(i)}, fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	git(t, server, "", "branch", "dev", ids[20])
	git(t, server, "", "branch", "-f", "old", ids[0])
	private, authorized := sshKey(t, ed25519Key(), "")
	front := startSSH(t, server, authorized) // over HTTP git hands out every commit of every branch by its id
	for name, c := range map[string]struct {
		ref  Ref
		kind error
		word string
	}{
		"near":                   {Ref{Branch: "main", Commit: ids[68]}, nil, ""},
		"far":                    {Ref{Branch: "main", Commit: ids[3]}, nil, ""},
		"at a boundary's parent": {Ref{Branch: "dev", Commit: ids[19]}, nil, ""},
		"in HEAD":                {Ref{Commit: ids[50]}, nil, ""},
		"in another branch":      {Ref{Branch: "old", Commit: ids[5]}, ErrRefNotFound, "refs/heads/old"},
		"nowhere":                {Ref{Branch: "main", Commit: strings.Repeat("1", 40)}, ErrRefNotFound, "name the branch"},
		"in no branch":           {Ref{Branch: "absent", Commit: ids[5]}, ErrBranchNotFound, "absent"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, t.TempDir(), Remote{URL: front.URL(app), Auth: Auth{PrivateKey: private, KnownHosts: front.KnownHosts}})
			tip, err := r.Fetch(t.Context(), c.ref)
			if c.kind != nil {
				wantKind(t, err, c.kind, c.word)
				return
			}
			if err != nil || tip.Hash.String() != c.ref.Commit || tip.Branch != "" {
				t.Fatalf("%v %+v", err, tip)
			}
			made := commit(t, r, tip.Hash, "a", "new")
			if _, err := r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/" + strings.ReplaceAll(name, " ", "-"), New: made.Hash}}, PushOptions{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	fsck(t, server)
}

func TestAHeadWithoutACommitIsSaid(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "0"})
	git(t, server, "", "symbolic-ref", "HEAD", "refs/heads/unborn")
	_, err := openApp(t, server).Fetch(t.Context(), Ref{})
	wantKind(t, err, ErrBranchNotFound, "HEAD")
}

// The same question as a reviewer's: what does git say that the commit changes.
func TestGitSaysThatOnlyTheEditedBlobsDiffer(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"x": "1"})
	file := blob(t, server, "image: app:1\r\n")
	pointer := blob(t, server, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
	attributes := blob(t, server, "* text=auto eol=lf ident working-tree-encoding=UTF-16\n*.bin filter=lfs\n")
	module := git(t, server, "", "rev-parse", "main")
	inner := git(t, server, "100755 blob "+file+"\trun.yaml\n120000 blob "+file+"\tlink\n160000 commit "+module+"\tmodule\n", "mktree", "--missing")
	git(t, server, "", "update-ref", "refs/heads/main", git(t, server, "", "commit-tree", "-m", "all modes", git(t, server,
		"100644 blob "+attributes+"\t.gitattributes\n100644 blob "+blob(t, server, "[submodule \"m\"]\n")+"\t.gitmodules\n"+
			"100644 blob "+pointer+"\tbig.bin\n040000 tree "+inner+"\tdir\n100644 blob "+file+"\ta.yaml\n120000 blob "+file+"\tlink.yaml\n", "mktree", "--missing")))
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	made, err := r.Commit(t.Context(), tip.Hash, map[string][]byte{
		"dir/run.yaml": []byte("image: app:2\r\n"), "a.yaml": []byte("image: app:2\r\n"),
	}, info("x"))
	if err != nil {
		t.Fatal(err)
	}
	push(t, r, tip.Hash, made.Hash)
	fsck(t, server)
	now := blob(t, server, "image: app:2\r\n")
	want := fmt.Sprintf(":100644 100644 %s %s M\ta.yaml\n:100755 100755 %s %s M\tdir/run.yaml", file, now, file, now)
	if got := git(t, server, "", "diff-tree", "-r", "--no-commit-id", "main"); got != want {
		t.Fatalf("the commit changes\n%s\nand not\n%s", got, want)
	}
}

func TestTheCacheHealsWhileItIsOpen(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a.yaml": "mark 1", "d/b.yaml": "mark"})
	const flipped, byFile = "(half of its bits flipped)", "replaced by a file"
	for name, harm := range map[string]struct {
		pattern func(r *Repo, made Commit) string
		content string // empty: removed
	}{
		"folder removed":  {func(r *Repo, _ Commit) string { return r.dir }, ""},
		byFile:            {func(r *Repo, _ Commit) string { return r.dir }, "x"},
		"objects removed": {func(r *Repo, _ Commit) string { return r.path("objects") }, ""},
		"packs removed":   {func(r *Repo, _ Commit) string { return r.path("objects", "pack", "*") }, ""},
		"packs cut":       {func(r *Repo, _ Commit) string { return r.path("objects", "pack", "*.pack") }, "PACK"},
		"references lost": {func(r *Repo, _ Commit) string { return r.path("packed-refs") }, "garbage"},
		"commit removed":  {func(r *Repo, made Commit) string { return loosePath(r, made.Hash) }, ""},
		"tree removed":    {func(r *Repo, made Commit) string { return loosePath(r, made.Tree) }, ""},
		"blob removed":    {func(r *Repo, made Commit) string { return loosePath(r, made.Objects[0]) }, ""},
		"blob damaged":    {func(r *Repo, made Commit) string { return loosePath(r, made.Objects[0]) }, flipped},
	} {
		for _, reopened := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, reopened %v", name, reopened), func(t *testing.T) {
				dir := t.TempDir()
				r := open(t, dir, Remote{URL: server.RepositoryURL(app)})
				tip := fetch(t, r, Ref{})
				made := commit(t, r, tip.Hash, "a.yaml", "mark "+t.Name())
				push(t, r, tip.Hash, made.Hash)
				content := harm.content
				if content == flipped {
					content = flippedBits(t, harm.pattern(r, made))
				}
				eachFile(t, harm.pattern(r, made), content)
				if name == byFile {
					_, err := r.Fetch(t.Context(), Ref{})
					wantKind(t, err, ErrCache)
					removeAll(t, r.dir)
				}
				if reopened {
					_ = r.Close()
					r = open(t, dir, Remote{URL: server.RepositoryURL(app)})
				}
				heals(t, r, name)
			})
		}
	}
	fsck(t, server)
}

// heals does what a run does; a run that finds damage is done again, twice at most.
func heals(t *testing.T, r *Repo, name string) {
	t.Helper()
	var err error
	for range 2 {
		if err = oneRun(t, r, name); err == nil {
			return
		}
		wantKind(t, err, ErrCacheDamaged)
	}
	t.Fatal(err)
}

func oneRun(t *testing.T, r *Repo, name string) error {
	t.Helper()
	tip, err := r.Fetch(t.Context(), Ref{})
	if err != nil {
		t.Fatalf("a fetch did not heal: %v", err)
	}
	listing, err := r.Walk(t.Context(), tip.Hash, marked)
	if err != nil {
		return err
	}
	if got := paths(listing); got != "a.yaml d/b.yaml" {
		t.Fatalf("files %q", got)
	}
	for _, file := range listing.Files {
		if _, err := r.ReadFile(file); err != nil {
			return err
		}
	}
	made, err := r.Commit(t.Context(), tip.Hash, map[string][]byte{"d/b.yaml": []byte("mark " + t.Name() + name)}, info("x"))
	if err != nil {
		return err
	}
	_, err = r.Push(t.Context(), mainFrom(tip.Hash, made.Hash), PushOptions{})
	return err
}

func loosePath(r *Repo, hash Hash) string {
	return r.path("objects", hash.String()[:2], hash.String()[2:])
}

// flippedBits is a file's content, damaged from the middle on.
func flippedBits(t *testing.T, path string) string {
	t.Helper()
	content := []byte(readFile(t, path))
	for i := len(content) / 2; i < len(content); i++ {
		content[i] ^= 0x55
	}
	return string(content)
}

func TestTheCacheIsBounded(t *testing.T) {
	files := map[string]string{"mine": "0"}
	for i := range 100 {
		files[fmt.Sprintf("d%d/f%d.yaml", i%10, i)] = "mark"
	}
	server := startServer(t, gitserver.Config{}, files)
	r := openApp(t, server)
	tip := fetch(t, r, Ref{}).Hash
	unpushed := commit(t, r, tip, "mine", "never pushed")
	r.most = 5
	var seen []Hash
	for i := range 14 {
		must(server.Commit(app, "main", map[string]string{fmt.Sprintf("d%d/f%d.yaml", i%10, i): fmt.Sprint("mark ", i)}, "x"))
		tip = fetch(t, r, Ref{}).Hash
		seen = append(seen, tip)
		if n := packCount(t, r); n > 5 {
			t.Fatalf("%d packs", n)
		}
	}
	if out, err := gitIn(t, r.dir, "fsck", "--full", "--no-dangling"); err != nil {
		t.Fatalf("the cache is no sound repository: %v: %s", err, out)
	}
	if list, err := r.Ahead(t.Context(), Ref{}, tip, seen[0], 100); err != nil || len(list) != 13 {
		t.Fatalf("%v: the history was lost: %v", err, list)
	}
	if listing := walk(t, r, tip, marked); len(listing.Files) != 100 {
		t.Fatalf("%d files", len(listing.Files))
	}
	if _, err := r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/side", New: unpushed.Hash}}, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	push(t, r, tip, commit(t, r, tip, "mine", "1").Hash)
	before := packCount(t, r)
	if r.most, r.slack = maxPacks, -1<<20; before < 2 {
		t.Fatalf("%d packs", before)
	}
	must(server.Commit(app, "main", map[string]string{"mine": "last"}, "x"))
	fetch(t, r, Ref{})
	if n := packCount(t, r); n != 1 {
		t.Fatalf("%d packs, and %d when their bytes are too many", before, n)
	}
	fsck(t, server)
}

func TestPacksWithTheSameObjectAreFetchedAnew(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "0"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{}).Hash
	for i := range 3 {
		git(t, server, "", "branch", fmt.Sprint("b", i), must(server.Commit(app, "main", map[string]string{"a": fmt.Sprint(i)}, "x")))
		delete(r.refs, "refs/heads/main") // so that all is sent again
		tip = fetch(t, r, Ref{}).Hash
	}
	write(t, r.path("objects", "pack", "pack-"+strings.Repeat("1", 40)+".pack"), "no pack")
	r.most = 2
	if got := fetch(t, r, Ref{}); got.Hash != tip || packCount(t, r) != 1 {
		t.Fatalf("%+v, %d packs", got, packCount(t, r))
	}
}

func packCount(t *testing.T, r *Repo) int {
	t.Helper()
	packs, err := filepath.Glob(r.path("objects", "pack", "*.pack"))
	if err != nil {
		t.Fatal(err)
	}
	return len(packs)
}

func TestAFlippedBitInTheBlobIndexHidesNothing(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a.yaml": "mark", "b.yaml": "plain"})
	dir := t.TempDir()
	r := open(t, dir, Remote{URL: server.RepositoryURL(app)})
	walk(t, r, fetch(t, r, Ref{}).Hash, marked)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	path := r.path("blobindex")
	whole := readFile(t, path)
	for at := range len(whole) {
		flipped := []byte(whole)
		flipped[at] ^= 1
		if err := os.WriteFile(path, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		if x := loadBlobIndex(path); x.Len() != 0 {
			t.Fatalf("an index with byte %d changed is believed", at)
		}
	}
	if err := os.WriteFile(path, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if x := loadBlobIndex(path); x.Len() != 2 {
		t.Fatalf("%d hashes", x.Len())
	}
}
