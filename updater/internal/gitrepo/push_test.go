// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

func setHook(t *testing.T, server *gitserver.Server, hook, script string) {
	t.Helper()
	if err := server.SetHook(app, hook, script); err != nil {
		t.Fatal(err)
	}
}

func TestReviewReferencesTakeEveryPush(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1", "d/b": "1"})
	git(t, server, "", "config", "receive.procReceiveRefs", "refs/for")
	git(t, server, "", "config", "receive.unpackLimit", "1") // keep what came as a pack
	seen := filepath.Join(t.TempDir(), "seen")
	// Gerrit's part: it takes the commit, and no reference of that name is there afterwards.
	setHook(t, server, "proc-receive", `printf '000eversion=1\n00000015ok refs/for/main\n0000'; cat >> `+seen)
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	one := commit(t, r, tip.Hash, "a", "2")
	for i := range 2 {
		report, err := r.Push(t.Context(), []RefUpdate{{Name: "refs/for/main", New: one.Hash}}, PushOptions{})
		if err != nil || report.Objects != 3 {
			t.Fatalf("push %d: %v %+v", i, err, report)
		}
	}
	if said, err := os.ReadFile(seen); err != nil || strings.Count(string(said), one.Hash.String()+" refs/for/main") != 2 {
		t.Fatalf("%v: the hook saw %q", err, said)
	}
	if git(t, server, "", "for-each-ref", "--format=%(refname)") != "refs/heads/main" {
		t.Fatal("the reference is there")
	}
	// A commit on top of one under review needs that one too.
	two := commit(t, r, one.Hash, "d/b", "2")
	if report := push(t, r, tip.Hash, two.Hash); report.Objects != 3+4-1 { // both files have the same content
		t.Fatalf("%+v", report)
	}
	fsck(t, server)
	if refs := readFile(t, r.path("packed-refs")); strings.Contains(refs, "refs/for") {
		t.Fatalf("the cache believes in it:\n%s", refs)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path) // #nosec G304 -- a test's
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestASecondReferenceGetsOnlyWhatTheRemoteLacks(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1", "d/b": "1"})
	dir := t.TempDir()
	r := open(t, dir, Remote{URL: server.RepositoryURL(app)})
	tip := fetch(t, r, Ref{})
	one := commit(t, r, tip.Hash, "d/b", "2")
	push(t, r, tip.Hash, one.Hash)
	second := func(name string, objects int) {
		t.Helper()
		report, err := r.Push(t.Context(), []RefUpdate{{Name: name, New: one.Hash}}, PushOptions{})
		if err != nil || report.Objects != objects {
			t.Fatalf("%s: %v %+v", name, err, report)
		}
	}
	second("refs/environments/production", 0)
	second("refs/tags/deployed", 0)
	if _, err := server.Commit(app, "main", map[string]string{"a": "2"}, "theirs"); err != nil {
		t.Fatal(err)
	}
	second("refs/heads/after-theirs", 0)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir, Remote{URL: server.RepositoryURL(app)})
	second("refs/heads/after-a-restart", 0)
	fsck(t, server)
}

// What was made before a restart, or forgotten because too much was made, is found again.
func TestCommitsFromBeforeARestartArePushedWhole(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1", "d/e/b": "1", "d/c": "1"})
	dir := t.TempDir()
	r := open(t, dir, Remote{URL: server.RepositoryURL(app)})
	tip := fetch(t, r, Ref{})
	one := commit(t, r, tip.Hash, "d/e/b", "2")
	two := commit(t, r, one.Hash, "a", "2")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir, Remote{URL: server.RepositoryURL(app)})
	if report := push(t, r, tip.Hash, two.Hash); report.Objects != 5+3-1 { // both files have the same content
		t.Fatalf("%+v", report)
	}
	fsck(t, server)
	if got := git(t, server, "", "rev-list", "main"); got != two.Hash.String()+"\n"+one.Hash.String()+"\n"+tip.Hash.String() {
		t.Fatalf("history\n%s", got)
	}
}

func TestALargeCommitIsOnePack(t *testing.T) {
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("d%d/f%d.yaml", i%10, i)] = fmt.Sprint("old ", i)
	}
	server := startServer(t, gitserver.Config{}, files)
	dir := t.TempDir()
	r := open(t, dir, Remote{URL: server.RepositoryURL(app)})
	tip := fetch(t, r, Ref{})
	changes := map[string][]byte{}
	for path := range files {
		changes[path] = []byte("new, of " + path)
	}
	made, err := r.Commit(t.Context(), tip.Hash, changes, info("all"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.Commit(t.Context(), tip.Hash, changes, info("all"))
	if err != nil || again.Hash != made.Hash {
		t.Fatal(err, again)
	}
	if packs := packCount(t, r); packs != 2 || r.countLoose() != 1 {
		t.Fatalf("%d packs, %d loose objects", packs, r.countLoose())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir, Remote{URL: server.RepositoryURL(app)})
	if report := push(t, r, tip.Hash, made.Hash); report.Objects != 200+11+1 {
		t.Fatalf("%+v", report)
	}
	fsck(t, server)
	if out, err := gitIn(t, r.dir, "fsck", "--full", "--no-dangling"); err != nil {
		t.Fatalf("the cache is no sound repository: %v: %s", err, out)
	}
	if got := git(t, server, "", "cat-file", "blob", "main:d7/f17.yaml"); got != "new, of d7/f17.yaml" {
		t.Fatal(got)
	}
}

// rebuilt makes a push branch with two commits of ours, moves main on, and returns what the branch is and what
// it should become.
func rebuilt(t *testing.T, server *gitserver.Server, r *Repo) (old, now Hash) {
	t.Helper()
	base := fetch(t, r, Ref{Branch: "main"})
	two := commit(t, r, commit(t, r, base.Hash, "a", "2").Hash, "a", "3")
	if _, err := r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/push", New: two.Hash}}, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Commit(app, "main", map[string]string{"b": fmt.Sprint(base.Hash)}, "theirs"); err != nil {
		t.Fatal(err)
	}
	tips, err := r.FetchAll(t.Context(), Ref{Branch: "main"}, Ref{Branch: "push"})
	if err != nil {
		t.Fatal(err)
	}
	return tips[1].Hash, commit(t, r, tips[0].Hash, "a", "3").Hash
}

func TestAPushBranchIsRebuilt(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1", "b": "1"})
	r := openApp(t, server)
	old, now := rebuilt(t, server, r)
	update := RefUpdate{Name: "refs/heads/push", Old: old, New: now}
	_, err := r.Push(t.Context(), []RefUpdate{update}, PushOptions{})
	wantKind(t, err, ErrStale, "does not descend")
	update.Replace = true
	if report, err := r.Push(t.Context(), []RefUpdate{update}, PushOptions{}); err != nil || report.Objects != 3 {
		t.Fatalf("%v %+v", err, report)
	}
	if got := git(t, server, "", "rev-list", "--count", "main..push"); got != "1" {
		t.Fatalf("%s commits before main", got)
	}
	fsck(t, server)
}

func TestARebuildDestroysNobodysCommit(t *testing.T) {
	var server *gitserver.Server
	var race sync.Once
	racing := false
	server = startServer(t, gitserver.Config{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if racing && strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
				race.Do(func() { must(server.Commit(app, "push", map[string]string{"c": "theirs"}, "theirs")) })
			}
			next.ServeHTTP(w, r)
		})
	}}, map[string]string{"a": "1", "b": "1"})
	r := openApp(t, server)
	old, now := rebuilt(t, server, r)
	update := []RefUpdate{{Name: "refs/heads/push", Old: old, New: now, Replace: true}}
	racing = true
	_, err := r.Push(t.Context(), update, PushOptions{}) // somebody comes between the advertisement and the push
	wantKind(t, err, ErrStale)
	_, err = r.Push(t.Context(), update, PushOptions{}) // and was there before the advertisement
	wantKind(t, err, ErrStale)
	if got := git(t, server, "", "log", "-1", "--format=%s", "push"); got != "theirs" {
		t.Fatalf("the branch is at %q", got)
	}
	tip := fetch(t, r, Ref{Branch: "push"})
	ahead, err := r.Ahead(t.Context(), Ref{Branch: "push"}, tip.Hash, old, 10)
	if err != nil || len(ahead) != 1 {
		t.Fatalf("%v: %v", err, ahead)
	}
}

func TestProtectedBranchesRefuse(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1", "b": "1"})
	r := openApp(t, server)
	old, now := rebuilt(t, server, r)
	git(t, server, "", "config", "receive.denyNonFastForwards", "true")
	_, err := r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/push", Old: old, New: now, Replace: true}}, PushOptions{})
	wantKind(t, err, ErrRefused, "non-fast-forward")

	setHook(t, server, "update", `case $1 in refs/heads/main) echo "main is protected: open a merge request" >&2; exit 1;; esac`)
	tip := fetch(t, r, Ref{Branch: "main"})
	made := commit(t, r, tip.Hash, "a", "9")
	_, err = r.Push(t.Context(), mainFrom(tip.Hash, made.Hash), PushOptions{})
	wantKind(t, err, ErrRefused, "hook declined", "open a merge request")
	if _, err := r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/proposal", New: made.Hash}}, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	// Both or none.
	_, err = r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/other", New: made.Hash}, mainFrom(tip.Hash, made.Hash)[0]}, PushOptions{})
	wantKind(t, err, ErrRefused)
	if got := git(t, server, "", "for-each-ref", "--format=%(refname:short)", "refs/heads"); got != "main\nproposal\npush" {
		t.Fatalf("branches %q", got)
	}
	fsck(t, server)
}

func TestWhatAHookSaysIsScrubbed(t *testing.T) {
	server := startServer(t, gitserver.Config{Username: "bot", Password: "hunter2-hunter2"}, map[string]string{"a": "1"})
	setHook(t, server, "pre-receive", `echo "remote: hunter2-hunter2 may not push" >&2; printf '\033[31mred\033[0m\a\n' >&2; exit 1`)
	r := open(t, t.TempDir(), Remote{URL: server.RepositoryURL(app), Auth: Auth{Username: "bot", Password: "hunter2-hunter2"}})
	tip := fetch(t, r, Ref{})
	report, err := r.Push(t.Context(), mainFrom(tip.Hash, commit(t, r, tip.Hash, "a", "2").Hash), PushOptions{})
	wantKind(t, err, ErrRefused, "*** may not push")
	for _, text := range []string{err.Error(), report.Messages} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the password is in %q", text)
		}
	}
	if strings.ContainsAny(err.Error(), "\x1b\a\n") {
		t.Errorf("control characters in %q", err)
	}
}

func TestPushOptionsReachTheHook(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	git(t, server, "", "config", "receive.advertisePushOptions", "true")
	seen := filepath.Join(t.TempDir(), "seen")
	setHook(t, server, "pre-receive", `i=0; while [ $i -lt "$GIT_PUSH_OPTION_COUNT" ]; do eval "echo \$GIT_PUSH_OPTION_$i" >> `+seen+`; i=$((i+1)); done`)
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	options := map[string]string{"merge_request.create": "", "merge_request.title": "Update = images, ünïcode", "ci.skip": "true"}
	if _, err := r.Push(t.Context(), mainFrom(tip.Hash, commit(t, r, tip.Hash, "a", "2").Hash), PushOptions{Options: options}); err != nil {
		t.Fatal(err)
	}
	want := "ci.skip=true\nmerge_request.create=\nmerge_request.title=Update = images, ünïcode\n"
	if got := readFile(t, seen); got != want {
		t.Fatalf("the hook saw %q", got)
	}
	_, err := r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/x", New: tip.Hash}}, PushOptions{Options: map[string]string{"a": "b\nc"}})
	wantKind(t, err, ErrRefused, "line break")
}

func TestALaterPushIsOneRequest(t *testing.T) {
	var counted traffic
	server := startServer(t, gitserver.Config{Wrap: counted.wrap}, map[string]string{"a": "0", "b": "0"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{}).Hash
	next := func(content string) Hash {
		t.Helper()
		made := commit(t, r, tip, "a", content).Hash
		counted.take()
		push(t, r, tip, made)
		return made
	}
	tip = next("1")
	if got := counted.take(); got != "GET refs, POST git-receive-pack" {
		t.Fatalf("first push: %s", got)
	}
	tip = next("2")
	if got := counted.take(); got != "POST git-receive-pack" {
		t.Fatalf("second push: %s", got)
	}
	r.takesUntil = time.Time{}
	tip = next("3")
	if got := counted.take(); got != "GET refs, POST git-receive-pack" {
		t.Fatalf("a push after a while: %s", got)
	}
	// Somebody else was faster: one push, and one look at where the branch is.
	made := commit(t, r, tip, "a", "4")
	theirs := must(server.Commit(app, "main", map[string]string{"b": "1"}, "theirs"))
	counted.take()
	_, err := r.Push(t.Context(), mainFrom(tip, made.Hash), PushOptions{})
	wantKind(t, err, ErrStale)
	if got := counted.take(); got != "POST git-receive-pack, GET refs" {
		t.Fatalf("a lost race: %s", got)
	}
	// The same commit is there already: another process of ours has pushed it.
	tip = fetch(t, r, Ref{}).Hash
	if tip.String() != theirs {
		t.Fatal(tip)
	}
	other := openAppFetched(t, server)
	same := commit(t, r, tip, "a", "5")
	push(t, other, tip, commit(t, other, tip, "a", "5").Hash)
	if report := push(t, r, tip, same.Hash); report.Objects != 3 {
		t.Fatalf("%+v", report)
	}
	fsck(t, server)
}

// A server that was renamed leads a question elsewhere, and knows nothing of a push.
func TestAPushFollowsARenamedRepository(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "0"})
	for name, refuse := range map[string]int{"not found": http.StatusNotFound, "moved": http.StatusMovedPermanently, "forbidden": http.StatusForbidden, "other": http.StatusMethodNotAllowed} {
		t.Run(name, func(t *testing.T) {
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet || refuse == http.StatusMovedPermanently {
					http.Redirect(w, r, server.URL()+r.URL.RequestURI(), http.StatusMovedPermanently)
					return
				}
				http.Error(w, "nothing here", refuse)
			}))
			t.Cleanup(front.Close)
			r := open(t, t.TempDir(), Remote{URL: front.URL + "/" + app})
			tip := fetch(t, r, Ref{}).Hash
			for i := range 3 {
				made := commit(t, r, tip, "a", name+fmt.Sprint(i)).Hash
				push(t, r, tip, made)
				tip = made
			}
		})
	}
	fsck(t, server)
}

// What the remote had at the last fetch it may have no more.
func TestAPushIsMadeWholeWhenTheRemoteHasLostObjects(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "0"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{}).Hash
	one := commit(t, r, tip, "a", "1")
	if _, err := r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/side", New: one.Hash}}, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	git(t, server, "", "update-ref", "-d", "refs/heads/side")
	git(t, server, "", "reflog", "expire", "--expire=now", "--all")
	git(t, server, "", "gc", "--quiet", "--prune=now")
	if report := push(t, r, tip, one.Hash); report.Objects != 3 {
		t.Fatalf("%+v", report)
	}
	fsck(t, server)
}
