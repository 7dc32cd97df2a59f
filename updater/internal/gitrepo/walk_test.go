// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

func isYAML(name string) bool { return strings.HasSuffix(name, ".yaml") }

func hasMark(content []byte) bool { return bytes.Contains(content, []byte("mark")) }

var marked = WalkOptions{Match: isYAML, Marked: hasMark, Version: "1"}

// rawTree makes a tree object of any entries, also of those that git would refuse to make, and a commit of it
// on a branch.
func rawTree(t *testing.T, server *gitserver.Server, branch string, entries ...string) {
	t.Helper()
	var content strings.Builder
	for i := 0; i < len(entries); i += 2 {
		hash := Hash{}
		if id := entries[i+1]; id != "" {
			parsed, err := parseHash([]byte(id))
			if err != nil {
				t.Fatal(err)
			}
			hash = parsed
		}
		content.WriteString(entries[i] + "\x00" + string(hash[:]))
	}
	tree := git(t, server, content.String(), "hash-object", "-t", "tree", "-w", "--stdin", "--literally")
	id := git(t, server, "", "commit-tree", "-m", branch, tree)
	git(t, server, "", "update-ref", "refs/heads/"+branch, id)
}

func blob(t *testing.T, server *gitserver.Server, content string) string {
	t.Helper()
	return git(t, server, content, "hash-object", "-w", "--stdin")
}

func TestWalkListsMarkedFilesBelowAPath(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{
		"a.yaml": "mark", "b.yaml": "plain", "c.txt": "mark", "d/e/f.yaml": "mark 2", "d/g.yaml": "plain", "d.yaml": "mark",
	})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	for path, want := range map[string]string{
		"": "a.yaml d.yaml d/e/f.yaml", ".": "a.yaml d.yaml d/e/f.yaml", "./": "a.yaml d.yaml d/e/f.yaml", "/": "a.yaml d.yaml d/e/f.yaml",
		"d": "d/e/f.yaml", "./d/": "d/e/f.yaml", "d/e": "d/e/f.yaml", "d/../d": "d/e/f.yaml",
		"a.yaml": "a.yaml", "b.yaml": "", "d/e/f.yaml": "d/e/f.yaml",
	} {
		options := marked
		options.Path = path
		if got := paths(walk(t, r, tip.Hash, options)); got != want {
			t.Errorf("path %q: %q, want %q", path, got, want)
		}
	}
	for _, path := range []string{"..", "../x", "d/../../x", "absent", "d/absent", "a.yaml/x", ".git"} {
		options := marked
		options.Path = path
		_, err := r.Walk(t.Context(), tip.Hash, options)
		wantKind(t, err, ErrPath)
	}
}

func TestEveryBlobIsReadOnceAndNotOncePerRunOrProcess(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a.yaml": "mark", "b.yaml": "plain", "d/c.yaml": "plain", "d/d.yaml": "other"})
	dir := t.TempDir()
	r := open(t, dir, Remote{URL: server.RepositoryURL(app)})
	tip := fetch(t, r, Ref{})
	if got := walk(t, r, tip.Hash, marked); got.Read != 3 || paths(got) != "a.yaml" {
		t.Fatalf("first walk: %+v", got)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir, Remote{URL: server.RepositoryURL(app)})
	made := commit(t, r, tip.Hash, "b.yaml", "mark 2")
	if got := walk(t, r, made.Hash, marked); got.Read != 1 || paths(got) != "a.yaml b.yaml" {
		t.Fatalf("second walk: %+v", got)
	}
	other := marked
	other.Marked, other.Version = func(content []byte) bool { return string(content) == "other" }, "2"
	if got := walk(t, r, made.Hash, other); got.Read != 4 || paths(got) != "d/d.yaml" {
		t.Fatalf("another question: %+v", got)
	}
}

func TestWhatIsNoRegularFileIsSkippedAndSaid(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"x": "1"})
	file, link := blob(t, server, "mark"), blob(t, server, "/etc/passwd")
	big := blob(t, server, strings.Repeat("mark", 1000))
	folder := git(t, server, "100644 blob "+file+"\tin.yaml\n", "mktree")
	rawTree(t, server, "hostile",
		"100644 a.yaml", file, "100644 ../up.yaml", file, "100644 ..", file, "40000 .git", folder, "40000 .GIT", folder,
		"120000 link.yaml", link, "120000 link", link, "160000 module.yaml", file, "40000 f", folder,
		"100644 a/b.yaml", file, "100644 nul\x01.yaml", file, "100644 lat\xe9.yaml", file, "100644 big.yaml", big,
		"100755 run.yaml", file, "100664 old.yaml", file,
	)
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "hostile"})
	options := marked
	options.MaxFileBytes = 100
	for range 2 { // what is remembered hides nothing
		listing := walk(t, r, tip.Hash, options)
		if got := paths(listing); got != "a.yaml f/in.yaml run.yaml old.yaml" {
			t.Fatalf("files %q", got)
		}
		if !listing.Files[2].Executable() || listing.Files[3].Executable() {
			t.Fatalf("modes %+v", listing.Files)
		}
		var said []string
		for _, skipped := range listing.Skipped {
			said = append(said, skipped.Path+" "+skipped.Reason)
		}
		want := []string{
			"../up.yaml its name has a slash", ".git its name is .git", ".GIT its name is .git",
			"link.yaml it is a symbolic link, which is never followed", "module.yaml it is no regular file",
			"a/b.yaml its name has a slash", `"nul\x01.yaml" its name has bytes that are no text`,
			`"lat\xe9.yaml" its name has bytes that are no text`, "big.yaml it is larger than 100 bytes",
		}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Fatal(diff)
		}
	}
	for path, word := range map[string]string{"link.yaml": "symbolic", "link.yaml/x": "symbolic", "module.yaml": "submodule", ".git": "exist"} {
		options.Path = path
		_, err := r.Walk(t.Context(), tip.Hash, options)
		wantKind(t, err, ErrPath, word)
	}
	for _, path := range []string{"link.yaml", "module.yaml", "f", "../up.yaml"} {
		_, err := r.Commit(t.Context(), tip.Hash, map[string][]byte{path: []byte("x")}, info("x"))
		wantKind(t, err, ErrPath)
	}
}

func TestWalksAreBounded(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"x": "1"})
	tree := git(t, server, "100644 blob "+blob(t, server, "mark")+"\ta.yaml\n", "mktree")
	for range 6 { // 10^6 files in 7 objects
		var in strings.Builder
		for i := range 10 {
			fmt.Fprintf(&in, "040000 tree %s\t%d\n", tree, i)
		}
		tree = git(t, server, in.String(), "mktree")
	}
	git(t, server, "", "update-ref", "refs/heads/bomb", git(t, server, "", "commit-tree", "-m", "x", tree))
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "bomb"})
	options := marked
	options.MaxFiles = 1000
	_, err := r.Walk(t.Context(), tip.Hash, options)
	wantKind(t, err, ErrTooLarge, "1000 marked files")
	options = marked
	options.MaxEntries = 5000
	_, err = r.Walk(t.Context(), tip.Hash, options)
	wantKind(t, err, ErrTooLarge, "5000 files")
	options.Marked = func([]byte) bool { return false }
	options.Version = "nothing is marked"
	if listing := walk(t, r, tip.Hash, options); listing.Read != 1 {
		t.Fatalf("%+v", listing)
	}
}

func TestACommitLeavesEverythingElseAsItWas(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"x": "1"})
	file := blob(t, server, "old\r\n")
	lfs := blob(t, server, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
	attributes := blob(t, server, "* text=auto eol=crlf\n*.bin filter=lfs\n")
	module := git(t, server, "", "rev-parse", "main")
	inner := git(t, server, "100755 blob "+file+"\trun.yaml\n120000 blob "+file+"\tlink\n160000 commit "+module+"\tmodule\n", "mktree", "--missing")
	git(t, server, "", "update-ref", "refs/heads/main", git(t, server, "", "commit-tree", "-m", "all modes", "-p", module,
		git(t, server, strings.Join([]string{
			"100644 blob " + attributes + "\t.gitattributes", "100644 blob " + lfs + "\tbig.bin", "040000 tree " + inner + "\tdir",
			"100644 blob " + file + "\tdir.yaml", "100644 blob " + file + "\tdir0", "100644 blob " + file + "\tümlaut \U0001f600.yaml",
			"120000 blob " + file + "\tlink", "160000 commit " + module + "\tmodule", "100755 blob " + file + "\trun",
		}, "\n")+"\n", "mktree", "--missing")))
	before := git(t, server, "", "ls-tree", "-r", "-t", "main")
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	content := "new\r\nno newline at the end"
	made, err := r.Commit(t.Context(), tip.Hash, map[string][]byte{
		"dir/run.yaml": []byte(content), "ümlaut \U0001f600.yaml": []byte(content),
	}, info("both"))
	if err != nil {
		t.Fatal(err)
	}
	if report := push(t, r, tip.Hash, made.Hash); report.Objects != 4 {
		t.Fatalf("%+v", report)
	}
	fsck(t, server)
	changed := map[string]bool{}
	after := strings.Split(git(t, server, "", "ls-tree", "-r", "-t", "main"), "\n")
	for i, line := range strings.Split(before, "\n") {
		if line == after[i] {
			continue
		}
		was, is := strings.Fields(line), strings.Fields(after[i])
		if was[0] != is[0] || was[1] != is[1] || was[3] != is[3] {
			t.Errorf("%q became %q", line, after[i])
		}
		changed[is[3]] = true
	}
	if len(changed) != 3 { // the file, its folder, and the file with the umlaut
		t.Errorf("changed: %v", changed)
	}
	if got, err := server.ReadFile(app, "main", "dir/run.yaml"); err != nil || got != content {
		t.Fatalf("%v %q", err, got)
	}
}

func TestOldModesAndOrderSurvive(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"x": "1"})
	file := blob(t, server, "old")
	rawTree(t, server, "odd", "100664 z.yaml", file, "100644 a.yaml", file)
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "odd"})
	made := commit(t, r, tip.Hash, "a.yaml", "new")
	if _, err := r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/odd", Old: tip.Hash, New: made.Hash}}, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	raw := git(t, server, "", "cat-file", "tree", "odd")
	if !strings.HasPrefix(raw, "100664 z.yaml\x00") || !strings.Contains(raw, "100644 a.yaml\x00") {
		t.Fatalf("%q", raw)
	}
}

func TestSignedCommitHasTheSignatureOfItsOwnBytes(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	var payload string
	signed := info("subject\n\nbody")
	signed.Committer = Person{Email: "other@example.com"}
	signed.Sign = func(content []byte) (string, error) {
		payload = string(content)
		return "-----BEGIN X-----\n\nabc\n-----END X-----\n", nil
	}
	made, err := r.Commit(t.Context(), tip.Hash, map[string][]byte{"a": []byte("2")}, signed)
	if err != nil {
		t.Fatal(err)
	}
	push(t, r, tip.Hash, made.Hash)
	fsck(t, server)
	raw := git(t, server, "", "cat-file", "commit", "main")
	signature := "gpgsig -----BEGIN X-----\n \n abc\n -----END X-----\n"
	if !strings.Contains(raw, signature) || strings.TrimSpace(strings.Replace(raw, signature, "", 1)) != strings.TrimSpace(payload) {
		t.Fatalf("commit:\n%s\npayload:\n%s", raw, payload)
	}
	if !strings.Contains(raw, "committer  <other@example.com> 1790848800 +0200\n") {
		t.Fatalf("commit:\n%s", raw)
	}
}

func TestBlobIndexForgetsWhatIsOldAndStaysBounded(t *testing.T) {
	x := NewBlobIndex(100)
	kept := Hash{0xff}
	x.Put(kept, true)
	for i := range 1000 {
		x.Put(Hash{byte(i), byte(i >> 8), 1}, i%2 == 0)
		if marked, known := x.Get(kept); !marked || !known {
			t.Fatalf("what is asked for was forgotten after %d", i)
		}
		if x.Len() > 101 {
			t.Fatalf("%d hashes", x.Len())
		}
	}
	if _, known := x.Get(Hash{0, 0, 1}); known {
		t.Fatal("what was not asked for is still there")
	}
}

func FuzzTreeEntries(f *testing.F) {
	f.Add([]byte("100644 a\x0001234567890123456789" + "40000 d\x0001234567890123456789"))
	f.Add([]byte("100644 a\x00short"))
	f.Add([]byte(" \x00"))
	f.Fuzz(func(t *testing.T, tree []byte) {
		var again bytes.Buffer
		for at := 0; at < len(tree); {
			entry, next, err := nextEntry(tree, at)
			if err != nil {
				return
			}
			if next <= at || next > len(tree) || !bytes.Equal(tree[entry.at:next], entry.hash[:]) {
				t.Fatalf("entry %+v at %d, next %d of %d", entry, at, next, len(tree))
			}
			again.Write(tree[at:next])
			at = next
		}
		if !bytes.Equal(again.Bytes(), tree) {
			t.Fatal("bytes were lost")
		}
	})
}

func TestPacksAreBounded(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{
		"zeroes": strings.Repeat("0", 3<<20), "more": strings.Repeat("0", 3<<20) + "1", "less": "1",
	})
	r := openApp(t, server)
	fetch(t, r, Ref{})
	names, err := filepath.Glob(filepath.Join(r.dir, "objects", "pack", "*.pack"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	for name, c := range map[string]struct {
		narrow func(*packLimits)
		want   error
	}{
		"as it is":            {func(*packLimits) {}, nil},
		"too many objects":    {func(l *packLimits) { l.objects = 4 }, errPackTooLarge},
		"too large an object": {func(l *packLimits) { l.object = 3<<20 - 1 }, errPackTooLarge},
		"too large a delta":   {func(l *packLimits) { l.object = 3 << 20 }, errPackTooLarge},
		"too large in all":    {func(l *packLimits) { l.inflated = 5 << 20 }, errPackTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := os.Open(names[0])
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = file.Close() }()
			limits := limitsFor(1<<20, nil)
			c.narrow(&limits)
			if err := checkPack(t.Context(), file, limits, meterOf(t.Context())); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}
