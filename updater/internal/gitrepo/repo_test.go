// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

const app = "team/app.git"

// traffic counts what went to the server.
type traffic struct {
	mu       sync.Mutex
	requests []string // method and last part of the path
}

func (c *traffic) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests = append(c.requests, r.Method+" "+r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		c.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// take returns what was requested since the last time.
func (c *traffic) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.requests = nil }()
	return strings.Join(c.requests, ", ")
}

func startServer(t *testing.T, config gitserver.Config, files map[string]string) *gitserver.Server {
	t.Helper()
	config.Dir = t.TempDir()
	server, err := gitserver.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.CreateRepository(app, "main", files); err != nil {
		t.Fatal(err)
	}
	git(t, server, "", "config", "core.fsync", "none") // nothing here outlives the test
	return server
}

func open(t *testing.T, dir string, remote Remote) *Repo {
	t.Helper()
	r, err := Open(dir, remote)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func openApp(t *testing.T, server *gitserver.Server) *Repo {
	t.Helper()
	return open(t, t.TempDir(), Remote{URL: server.RepositoryURL(app)})
}

func fetch(t *testing.T, r *Repo, ref Ref) Tip {
	t.Helper()
	tip, err := r.Fetch(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

func info(message string) CommitInfo {
	return CommitInfo{
		Author: Person{"Tidemark", "bot@example.com"}, Message: message,
		When: time.Date(2026, 10, 1, 12, 0, 0, 0, time.FixedZone("", 2*3600)),
	}
}

func commit(t *testing.T, r *Repo, base Hash, path, content string) Commit {
	t.Helper()
	made, err := r.Commit(t.Context(), base, map[string][]byte{path: []byte(content)}, info("set "+path))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func mainFrom(old, next Hash) []RefUpdate {
	return []RefUpdate{{Name: "refs/heads/main", Old: old, New: next}}
}

func push(t *testing.T, r *Repo, old, next Hash) PushReport {
	t.Helper()
	report, err := r.Push(t.Context(), mainFrom(old, next), PushOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func git(t *testing.T, server *gitserver.Server, stdin string, args ...string) string {
	t.Helper()
	out, err := server.Git(app, []byte(stdin), args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func fsck(t *testing.T, server *gitserver.Server) {
	t.Helper()
	if out := git(t, server, "", "fsck", "--strict", "--full", "--no-dangling"); out != "" {
		t.Fatalf("fsck: %s", out)
	}
}

func paths(listing Listing) string {
	var names []string
	for _, file := range listing.Files {
		names = append(names, file.Path)
	}
	return strings.Join(names, " ")
}

func walk(t *testing.T, r *Repo, at Hash, options WalkOptions) Listing {
	t.Helper()
	listing, err := r.Walk(t.Context(), at, options)
	if err != nil {
		t.Fatal(err)
	}
	return listing
}

func wantKind(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want %v", err, kind)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Fatalf("error %q lacks %q", err, word)
		}
	}
}

func TestFetchCommitPush(t *testing.T) {
	var counted traffic
	server := startServer(t, gitserver.Config{Wrap: counted.wrap}, map[string]string{
		"clusters/a/app.yaml": "image: app:1 # mark\n", "clusters/b/app.yaml": "image: app:1\n", "README.md": "hello",
	})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "main"})
	if tip.Branch != "main" || !tip.Fetched || tip.Revision() != "main@sha1:"+git(t, server, "", "rev-parse", "main") {
		t.Fatalf("tip %+v", tip)
	}
	if got := counted.take(); got != "GET refs, POST git-upload-pack" {
		t.Fatalf("first fetch: %s", got)
	}
	made := commit(t, r, tip.Hash, "clusters/a/app.yaml", "image: app:2 # mark\n")
	report := push(t, r, tip.Hash, made.Hash)
	if got := counted.take(); got != "GET refs, POST git-receive-pack" {
		t.Fatalf("push: %s", got)
	}
	// One blob, three trees (clusters/a, clusters, the root), one commit.
	if report.Objects != 5 || report.PackBytes > 1000 {
		t.Fatalf("the push sent %d objects, %d bytes", report.Objects, report.PackBytes)
	}
	fsck(t, server)
	log, err := server.Log(app, "main")
	if err != nil {
		t.Fatal(err)
	}
	if len(log) != 2 || log[0].ID != made.Hash.String() || log[0].Author != "Tidemark <bot@example.com>" || log[0].Message != "set clusters/a/app.yaml" || !log[0].Created.Equal(info("").When) {
		t.Fatalf("log %+v", log)
	}
	diff, err := server.Diff(app, "main")
	if err != nil || strings.Count(diff, "\n+") != 2 || !strings.Contains(diff, "+image: app:2 # mark\n") {
		t.Fatalf("diff %v:\n%s", err, diff)
	}
	again := fetch(t, r, Ref{Branch: "main"})
	if again.Hash != made.Hash || again.Fetched {
		t.Fatalf("after our own push: %+v", again)
	}
	if got := counted.take(); got != "GET refs" {
		t.Fatalf("fetch with nothing new: %s", got)
	}
}

func TestCommitIsDeterministicAndAnEmptyOneIsRefused(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1", "d/b": "1"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	one := commit(t, r, tip.Hash, "d/b", "2")
	two := commit(t, openAppFetched(t, server), tip.Hash, "d/b", "2")
	if one.Hash != two.Hash || one.Tree != two.Tree {
		t.Fatalf("%v and %v", one, two)
	}
	_, err := r.Commit(t.Context(), tip.Hash, map[string][]byte{"a": []byte("1"), "d/b": []byte("1")}, info("x"))
	wantKind(t, err, ErrNoChange)
	for _, path := range []string{"absent", "d", "d/absent", "a/b", "/a", "../a", "d//b", ""} {
		_, err := r.Commit(t.Context(), tip.Hash, map[string][]byte{path: []byte("2")}, info("x"))
		wantKind(t, err, ErrPath)
	}
	bad := info("x")
	bad.Author.Name = "A <b>\nparent 0"
	if _, err := r.Commit(t.Context(), tip.Hash, map[string][]byte{"a": []byte("2")}, bad); err == nil {
		t.Fatal("a name with a line break was taken")
	}
}

func openAppFetched(t *testing.T, server *gitserver.Server) *Repo {
	t.Helper()
	r := openApp(t, server)
	fetch(t, r, Ref{})
	return r
}

func TestLaterFetchesBringOnlyWhatIsNew(t *testing.T) {
	files := map[string]string{}
	for i := range 300 {
		files[fmt.Sprintf("d%d/f%d.yaml", i%10, i)] = fmt.Sprintf("value: %d\n", i)
	}
	server := startServer(t, gitserver.Config{}, files)
	for i := range 3 {
		if _, err := server.Commit(app, "main", map[string]string{"d1/f1.yaml": fmt.Sprint(i)}, "history"); err != nil {
			t.Fatal(err)
		}
	}
	r := openApp(t, server)
	fetch(t, r, Ref{Branch: "main"})
	if len(r.shallow) != 1 {
		t.Fatalf("the first fetch is not at depth 1: %v", r.shallow)
	}
	first := packedObjects(t, r)
	for i := range 3 {
		if _, err := server.Commit(app, "main", map[string]string{"d2/f2.yaml": fmt.Sprint(i)}, "theirs"); err != nil {
			t.Fatal(err)
		}
	}
	tip := fetch(t, r, Ref{Branch: "main"})
	// Three commits with the root, a folder and a blob each; all else is here.
	if got := packedObjects(t, r) - first; got != 12 {
		t.Fatalf("the second fetch brought %d objects", got)
	}
	if len(r.shallow) != 1 {
		t.Fatalf("shallow %v", r.shallow)
	}
	if got := len(walk(t, r, tip.Hash, WalkOptions{}).Files); got != 300 {
		t.Fatalf("%d files", got)
	}
	if out, err := gitIn(t, r.dir, "fsck", "--full", "--no-dangling"); err != nil {
		t.Fatalf("the cache is no sound repository: %v: %s", err, out)
	}
}

func packedObjects(t *testing.T, r *Repo) int {
	t.Helper()
	total := 0
	names, err := filepath.Glob(filepath.Join(r.dir, "objects", "pack", "*.idx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		out, err := gitIn(t, r.dir, "verify-pack", "-v", name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(out, "\n") {
			if fields := strings.Fields(line); len(fields) > 1 && plumbing.IsHash(fields[0]) {
				total++
			}
		}
	}
	return total
}

func TestRewrittenBranchIsFollowed(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	root := git(t, server, "", "rev-parse", "main")
	if _, err := server.Commit(app, "main", map[string]string{"a": "2"}, "two"); err != nil {
		t.Fatal(err)
	}
	r := openApp(t, server)
	fetch(t, r, Ref{Branch: "main"})
	git(t, server, "", "update-ref", "refs/heads/main", root)
	if tip := fetch(t, r, Ref{Branch: "main"}); tip.Hash.String() != root {
		t.Fatalf("tip %v, want %s", tip, root)
	}
	other, err := server.Commit(app, "main", map[string]string{"a": "3"}, "three")
	if err != nil {
		t.Fatal(err)
	}
	tip := fetch(t, r, Ref{Branch: "main"})
	if tip.Hash.String() != other {
		t.Fatalf("tip %v, want %s", tip, other)
	}
	push(t, r, tip.Hash, commit(t, r, tip.Hash, "a", "4").Hash)
	fsck(t, server)
}

func TestLostRaceIsStaleAndNobodysCommitIsLost(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1", "b": "1"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "main"})
	made := commit(t, r, tip.Hash, "a", "2")
	theirs, err := server.Commit(app, "main", map[string]string{"b": "2"}, "theirs")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Push(t.Context(), mainFrom(tip.Hash, made.Hash), PushOptions{})
	wantKind(t, err, ErrStale, theirs)

	tip = fetch(t, r, Ref{Branch: "main"})
	report := push(t, r, tip.Hash, commit(t, r, tip.Hash, "a", "2").Hash)
	if report.Objects != 3 {
		t.Fatalf("%d objects", report.Objects)
	}
	log, err := server.Log(app, "main")
	if err != nil || len(log) != 3 || log[1].ID != theirs {
		t.Fatalf("log %v %+v", err, log)
	}
	fsck(t, server)
}

func TestRaceLostBetweenAdvertisementAndUpdateIsStale(t *testing.T) {
	var server *gitserver.Server
	wrap := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
				if _, err := server.Commit(app, "main", map[string]string{"b": "2"}, "theirs"); err != nil {
					panic(err)
				}
			}
			next.ServeHTTP(w, r)
		})
	}
	server = startServer(t, gitserver.Config{Wrap: wrap}, map[string]string{"a": "1", "b": "1"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "main"})
	_, err := r.Push(t.Context(), mainFrom(tip.Hash, commit(t, r, tip.Hash, "a", "2").Hash), PushOptions{})
	wantKind(t, err, ErrStale)
	if log, err := server.Log(app, "main"); err != nil || len(log) != 2 || log[0].Message != "theirs" {
		t.Fatalf("log %v %+v", err, log)
	}
}

func TestPushNeverForces(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	r := openApp(t, server)
	base := fetch(t, r, Ref{Branch: "main"})
	side := commit(t, r, base.Hash, "a", "side")
	if _, err := server.Commit(app, "main", map[string]string{"a": "2"}, "theirs"); err != nil {
		t.Fatal(err)
	}
	tip := fetch(t, r, Ref{Branch: "main"})
	_, err := r.Push(t.Context(), mainFrom(tip.Hash, side.Hash), PushOptions{})
	wantKind(t, err, ErrStale, "does not descend")
}

func TestPushToANewBranchAndStackedCommits(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1", "d/b": "1"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "main"})
	one := commit(t, r, tip.Hash, "a", "2")
	two := commit(t, r, one.Hash, "d/b", "3")
	update := []RefUpdate{{Name: "refs/heads/updates", New: two.Hash}}
	report, err := r.Push(t.Context(), update, PushOptions{})
	if err != nil || report.Objects != 3+4 {
		t.Fatalf("%v %+v", err, report)
	}
	fsck(t, server)
	// The same once more: it is there already.
	if report, err := r.Push(t.Context(), update, PushOptions{}); err != nil || report.Objects != 0 {
		t.Fatalf("%v %+v", err, report)
	}
	// Both references at once, and nothing is sent that the remote has.
	report, err = r.Push(t.Context(), []RefUpdate{
		{Name: "refs/heads/main", Old: tip.Hash, New: two.Hash}, {Name: "refs/heads/copy", New: one.Hash},
	}, PushOptions{})
	if err != nil || report.Objects != 0 {
		t.Fatalf("%v %+v", err, report)
	}
	if git(t, server, "", "rev-parse", "main", "copy") != two.Hash.String()+"\n"+one.Hash.String() {
		t.Fatal("the references are elsewhere")
	}
}

func TestRefusingHookIsQuoted(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	if err := server.SetHook(app, "pre-receive", `echo "no pushes on Fridays" >&2; exit 1`); err != nil {
		t.Fatal(err)
	}
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "main"})
	made := commit(t, r, tip.Hash, "a", "2")
	_, err := r.Push(t.Context(), mainFrom(tip.Hash, made.Hash), PushOptions{})
	wantKind(t, err, ErrRefused, "pre-receive hook declined", "no pushes on Fridays")
	if err := server.SetHook(app, "pre-receive", `echo "$GIT_PUSH_OPTION_0"; exit 0`); err != nil {
		t.Fatal(err)
	}
	_, err = r.Push(t.Context(), mainFrom(tip.Hash, made.Hash), PushOptions{Options: map[string]string{"ci.skip": "yes"}})
	wantKind(t, err, ErrRefused, "push options")
	git(t, server, "", "config", "receive.advertisePushOptions", "true")
	report, err := r.Push(t.Context(), mainFrom(tip.Hash, made.Hash), PushOptions{Options: map[string]string{"ci.skip": "yes"}})
	if err != nil || !strings.Contains(report.Messages, "ci.skip=yes") {
		t.Fatalf("%v %+v", err, report)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	if err := server.CreateRepository("empty.git", "main", nil); err != nil {
		t.Fatal(err)
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("<html>log in</html>")) }))
	t.Cleanup(page.Close)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "oops", http.StatusBadGateway) }))
	t.Cleanup(broken.Close)
	for name, c := range map[string]struct {
		url  string
		ref  Ref
		kind error
		word string
	}{
		"branch":      {server.RepositoryURL(app), Ref{Branch: "absent"}, ErrBranchNotFound, "refs/heads/absent"},
		"tag":         {server.RepositoryURL(app), Ref{Tag: "v1"}, ErrRefNotFound, "refs/tags/v1"},
		"semver":      {server.RepositoryURL(app), Ref{SemVer: ">=1"}, ErrRefNotFound, ">=1"},
		"range":       {server.RepositoryURL(app), Ref{SemVer: "nonsense"}, ErrRef, "nonsense"},
		"name":        {server.RepositoryURL(app), Ref{Name: "refs/x/../y"}, ErrRef, "valid"},
		"short id":    {server.RepositoryURL(app), Ref{Commit: "abcdef"}, ErrRef, "40"},
		"commit":      {server.RepositoryURL(app), Ref{Commit: strings.Repeat("1", 40)}, ErrRefNotFound, "commit"},
		"repository":  {server.RepositoryURL("absent.git"), Ref{}, ErrRepositoryNotFound, "check the URL"},
		"commits":     {server.RepositoryURL("empty.git"), Ref{Branch: "main"}, ErrEmptyRepository, "first commit"},
		"server":      {closed.URL + "/a.git", Ref{}, ErrUnreachable, "refused"},
		"Git at all":  {page.URL + "/a.git", Ref{}, ErrProtocol, "Git"},
		"good health": {broken.URL + "/a.git", Ref{}, ErrServer, "502"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, t.TempDir(), Remote{URL: c.url})
			_, err := r.Fetch(t.Context(), c.ref)
			wantKind(t, err, c.kind, c.word, c.url)
		})
	}
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "absent", Optional: true})
	if !tip.Hash.IsZero() || tip.Branch != "absent" {
		t.Fatalf("an optional branch that is absent: %+v", tip)
	}
}

func TestReferencesAreResolved(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	first := git(t, server, "", "rev-parse", "main")
	git(t, server, "", "tag", "v1.2.0")
	second, err := server.Commit(app, "main", map[string]string{"a": "2"}, "two")
	if err != nil {
		t.Fatal(err)
	}
	git(t, server, "", "tag", "-a", "-m", "annotated", "v1.10.0")
	git(t, server, "", "tag", "v2.0.0-rc.1")
	git(t, server, "", "update-ref", "refs/pull/1/head", first)
	git(t, server, "", "branch", "dev", first)
	for name, c := range map[string]struct {
		ref                   Ref
		hash, refName, branch string
	}{
		"nothing is HEAD": {Ref{}, second, "refs/heads/main", "main"},
		"branch":          {Ref{Branch: "dev"}, first, "refs/heads/dev", "dev"},
		"light tag":       {Ref{Tag: "v1.2.0"}, first, "refs/tags/v1.2.0", ""},
		"annotated tag":   {Ref{Tag: "v1.10.0"}, second, "refs/tags/v1.10.0", ""},
		"semver":          {Ref{SemVer: ">=1.0.0"}, second, "refs/tags/v1.10.0", ""},
		"name":            {Ref{Name: "refs/pull/1/head"}, first, "refs/pull/1/head", ""},
		"tip by id":       {Ref{Commit: first}, first, "", ""},
		"precedence":      {Ref{Branch: "main", SemVer: "1.2.x", Tag: "v1.2.0"}, first, "refs/tags/v1.2.0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := openApp(t, server)
			for range 2 { // the second time there is nothing to fetch
				tip := fetch(t, r, c.ref)
				if tip.Hash.String() != c.hash || tip.Name != c.refName || tip.Branch != c.branch {
					t.Fatalf("tip %+v", tip)
				}
				if got := paths(walk(t, r, tip.Hash, WalkOptions{})); got != "a" {
					t.Fatalf("files %q", got)
				}
			}
		})
	}
	git(t, server, "", "update-ref", "--no-deref", "HEAD", first)
	r := openApp(t, server)
	if tip := fetch(t, r, Ref{}); tip.Hash.String() != first || tip.Branch != "" {
		t.Fatalf("detached HEAD: %+v", tip)
	}
	tips, err := r.FetchAll(t.Context(), Ref{Branch: "main"}, Ref{Branch: "dev"}, Ref{Branch: "x", Optional: true})
	if err != nil || tips[0].Hash.String() != second || tips[1].Hash.String() != first || !tips[2].Hash.IsZero() {
		t.Fatalf("%v %+v", err, tips)
	}
}

func TestAuthentication(t *testing.T) {
	server := startServer(t, gitserver.Config{Username: "bot", Password: "s3cret!/ü", Token: "t0ken"}, map[string]string{"a": "1"})
	address := server.RepositoryURL(app)
	for name, c := range map[string]struct {
		remote Remote
		kind   error
	}{
		"none":           {Remote{URL: address}, ErrAuthentication},
		"right password": {Remote{URL: address, Auth: Auth{Username: "bot", Password: "s3cret!/ü"}}, nil},
		"wrong password": {Remote{URL: address, Auth: Auth{Username: "bot", Password: "wrongpass"}}, ErrAuthentication},
		"right token":    {Remote{URL: address, Auth: Auth{BearerToken: "t0ken"}}, nil},
		"wrong token":    {Remote{URL: address, Auth: Auth{BearerToken: "wrongpass"}}, ErrAuthentication},
		"in the URL":     {Remote{URL: strings.Replace(address, "//", "//bot:s3cret%21%2F%C3%BC@", 1)}, nil},
		"wrong in URL":   {Remote{URL: strings.Replace(address, "//", "//bot:wrongpass@", 1)}, ErrAuthentication},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, t.TempDir(), c.remote)
			tip, err := r.Fetch(t.Context(), Ref{})
			if !errors.Is(err, c.kind) {
				t.Fatalf("got %v, want %v", err, c.kind)
			}
			if err != nil {
				if strings.Contains(err.Error(), "wrongpass") || strings.Contains(r.URL(), "wrongpass") || !strings.Contains(err.Error(), "secretRef") {
					t.Fatalf("sentence: %v", err)
				}
				return
			}
			_, err = r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/" + fmt.Sprint(len(name)), New: commit(t, r, tip.Hash, "a", name).Hash}}, PushOptions{})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestRedirectToAnotherHostCarriesNoCredential(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	server := startServer(t, gitserver.Config{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			seen = append(seen, r.Header.Get("Authorization"))
			mu.Unlock()
			next.ServeHTTP(w, r)
		})
	}}, map[string]string{"a": "1"})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, server.URL()+r.URL.RequestURI(), http.StatusMovedPermanently)
	}))
	t.Cleanup(front.Close)
	r := open(t, t.TempDir(), Remote{URL: front.URL + "/" + app, Auth: Auth{Username: "bot", Password: "secret"}})
	fetch(t, r, Ref{})
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 2 || strings.Join(seen, "") != "" {
		t.Fatalf("credentials seen: %q", seen)
	}
}

func TestURLsThatAreNoRemoteRepositoryAreRefused(t *testing.T) {
	for _, address := range []string{
		"file:///etc", "/etc", "git://host/a", "ext::sh -c id", "http://", "http:///x", "https://host", "https://host/",
		"ssh://-oProxyCommand=x/a", "ssh://git:pass@host/a", "https://host/a?x=y", "https://host/a b", "ftp://h/a", "",
	} {
		_, err := Open(t.TempDir(), Remote{URL: address})
		wantKind(t, err, ErrURL)
		if strings.Contains(err.Error(), "pass@") {
			t.Errorf("%v", err)
		}
	}
	_, err := Open(t.TempDir(), Remote{URL: "git@host:a/b.git"})
	wantKind(t, err, ErrCredential, "known_hosts", "ssh://git@host/a/b.git")
}

func TestDeadlineIsObeyed(t *testing.T) {
	release := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hung.Close)
	t.Cleanup(func() { close(release) })
	r := open(t, t.TempDir(), Remote{URL: hung.URL + "/a.git"})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := r.Fetch(ctx, Ref{})
	wantKind(t, err, ErrUnreachable)
	wantKind(t, err, context.DeadlineExceeded)
}

func TestServerThatDiesAfterThePushLeavesTheOutcomeToTheRemote(t *testing.T) {
	var cut sync.Once
	server := startServer(t, gitserver.Config{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
				cut.Do(func() {
					next.ServeHTTP(httptest.NewRecorder(), r)
					panic(http.ErrAbortHandler)
				})
			}
			next.ServeHTTP(w, r)
		})
	}}, map[string]string{"a": "1", "b": "1"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{Branch: "main"})
	made := commit(t, r, tip.Hash, "a", "2")
	if has, err := r.RemoteHas(t.Context(), Ref{Branch: "main"}, made.Hash); has || err != nil {
		t.Fatalf("before the push: %v %v", has, err)
	}
	_, err := r.Push(t.Context(), mainFrom(tip.Hash, made.Hash), PushOptions{})
	wantKind(t, err, ErrOutcomeUnknown)
	if has, err := r.RemoteHas(t.Context(), Ref{Branch: "main"}, made.Hash); !has || err != nil {
		t.Fatalf("after it: %v %v", has, err)
	}
	for i := range 3 {
		if _, err := server.Commit(app, "main", map[string]string{"b": fmt.Sprint(i)}, "theirs"); err != nil {
			t.Fatal(err)
		}
	}
	for name, repo := range map[string]*Repo{"with the cache": r, "with an empty cache": openApp(t, server)} {
		if has, err := repo.RemoteHas(t.Context(), Ref{Branch: "main"}, made.Hash); !has || err != nil {
			t.Fatalf("under others' commits, %s: %v %v", name, has, err)
		}
		absent := plumbing.NewHash(strings.Repeat("1", 40))
		if has, err := repo.RemoteHas(t.Context(), Ref{Branch: "main"}, absent); has || err != nil {
			t.Fatalf("a commit that never was, %s: %v %v", name, has, err)
		}
	}
	if has, err := r.RemoteHas(t.Context(), Ref{Branch: "absent"}, made.Hash); has || err != nil {
		t.Fatalf("a branch that is absent: %v %v", has, err)
	}
	if report := push(t, r, tip.Hash, fetch(t, r, Ref{Branch: "main"}).Hash); report.Objects != 0 {
		t.Fatalf("%+v", report)
	}
	fsck(t, server)
}

func TestDamagedCacheIsFetchedAnew(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a.yaml": "1", "d/b.yaml": "mark"})
	const packs, zeroed = "objects/pack/*.pack", "(its own length in zeroes)"
	for name, damage := range map[string]struct{ files, content string }{
		"packed-refs": {"packed-refs", "garbage\n"},
		"cut refs":    {"packed-refs", strings.Repeat("1", 40)},
		"shallow":     {"shallow", "xyz\n"},
		"no objects":  {"objects", ""},
		"no head":     {"HEAD", ""},
		"pack":        {packs, "PACK"},
		"zeroed pack": {packs, zeroed},
		"pack index":  {"objects/pack/*.idx", "x"},
		"blob index":  {"blobindex", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			options := WalkOptions{Marked: func(content []byte) bool { return bytes.Contains(content, []byte("mark")) }, Version: "1"}
			r := open(t, dir, Remote{URL: server.RepositoryURL(app)})
			walk(t, r, fetch(t, r, Ref{}).Hash, options)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			content := damage.content
			if content == zeroed {
				content = zeroedPack(t, r.dir)
			}
			eachFile(t, filepath.Join(r.dir, damage.files), content)
			r = open(t, dir, Remote{URL: server.RepositoryURL(app)})
			tip := fetch(t, r, Ref{})
			if got := paths(walk(t, r, tip.Hash, options)); got != "d/b.yaml" {
				t.Fatalf("files %q", got)
			}
			push(t, r, tip.Hash, commit(t, r, tip.Hash, "d/b.yaml", "mark "+name).Hash)
		})
	}
	fsck(t, server)
}

func TestDamageFoundWhileRunningIsMendedByTheNextFetch(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a.yaml": "1"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	if err := r.store.Close(); err != nil { // drop what is open, as a restart would
		t.Fatal(err)
	}
	r.store.Reindex()
	eachFile(t, filepath.Join(r.dir, "objects", "pack", "*.pack"), "PACK")
	options := WalkOptions{Marked: func([]byte) bool { return true }, Version: "1"}
	_, err := r.Walk(t.Context(), tip.Hash, options)
	wantKind(t, err, ErrCacheDamaged)
	tip = fetch(t, r, Ref{})
	if got := paths(walk(t, r, tip.Hash, options)); got != "a.yaml" {
		t.Fatalf("files %q", got)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func removeAll(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// eachFile replaces what matches a pattern by a file with the content, or by nothing.
func eachFile(t *testing.T, pattern, content string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatal(pattern, err)
	}
	for _, name := range names {
		removeAll(t, name) // packs are read-only
		if content != "" {
			write(t, name, content)
		}
	}
}

// zeroedPack is the only pack of a cache with nothing but zeroes between its header and its checksum.
func zeroedPack(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	content, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	clear(content[12 : len(content)-20])
	return string(content)
}

func TestCacheIsKeptApartByCredentialAndUsedByOne(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	dir := t.TempDir()
	one := open(t, dir, Remote{URL: server.RepositoryURL(app)})
	_, err := Open(dir, Remote{URL: server.RepositoryURL(app)})
	wantKind(t, err, ErrCacheInUse)
	two := open(t, dir, Remote{URL: server.RepositoryURL(app), Auth: Auth{Username: "u", Password: "p"}})
	if one.dir == two.dir {
		t.Fatal("two credentials share a cache")
	}
	if err := two.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Prune(dir, 0); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || filepath.Join(dir, entries[0].Name()) != one.dir {
		t.Fatalf("after Prune: %v %v", entries, err)
	}
}
