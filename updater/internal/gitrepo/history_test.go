// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

// randomHistory gives the server n commits, each with up to three earlier ones as parents and a date that may
// be wrong, and branches at some of them. It returns the commits.
func randomHistory(t *testing.T, server *gitserver.Server, random *rand.Rand, n int, linear float64) []string {
	t.Helper()
	var in strings.Builder
	for i := range n {
		when := 1_700_000_000 + i*60 - random.IntN(600)
		fmt.Fprintf(&in, "reset refs/x/c\ncommit refs/x/c\nmark :%d\ncommitter A <a@b> %d +0000\ndata <<.\n%d\n.\n", i+1, when, i)
		used := map[int]bool{}
		for p := range 1 + random.IntN(3) {
			if i == 0 || (random.IntN(20) == 0 && p == 0) {
				break // a root
			}
			parent := i
			if p > 0 || random.Float64() > linear {
				parent = 1 + random.IntN(i)
			}
			if !used[parent] {
				fmt.Fprintf(&in, "%s :%d\n", map[bool]string{true: "from", false: "merge"}[len(used) == 0], parent)
				used[parent] = true
			}
			if random.Float64() < linear {
				break
			}
		}
	}
	marks := filepath.Join(t.TempDir(), "marks")
	git(t, server, in.String(), "fast-import", "--quiet", "--force", "--export-marks="+marks)
	commits := make([]string, n)
	for line := range strings.Lines(readFile(t, marks)) {
		var mark int
		var id string
		if _, err := fmt.Sscanf(line, ":%d %s", &mark, &id); err != nil {
			t.Fatal(err)
		}
		commits[mark-1] = id
	}
	return commits
}

func TestAheadAndContainsSayWhatGitSays(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- a test's
			server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
			if seed%2 == 0 {
				git(t, server, "", "config", "uploadpack.allowFilter", "true")
			}
			commits := randomHistory(t, server, random, 40, []float64{0, 0.5, 0.95}[seed%3])
			for range 2 {
				tip, base := commits[len(commits)-1-random.IntN(5)], commits[random.IntN(len(commits))]
				git(t, server, "", "update-ref", "refs/heads/tip", tip)
				git(t, server, "", "update-ref", "refs/heads/base", base)
				r := openApp(t, server)
				defer func(depths []int) { deepenings = depths }(deepenings)
				deepenings = []int{1, 5, wholeHistory}
				tips, err := r.FetchAll(t.Context(), Ref{Branch: "tip"}, Ref{Branch: "base"})
				if err != nil {
					t.Fatal(err)
				}
				want := strings.Fields(git(t, server, "", "rev-list", base+".."+tip))
				got, err := r.Ahead(t.Context(), Ref{Branch: "tip"}, tips[0].Hash, tips[1].Hash, 1000)
				if err != nil || sortedIDs(got) != sortedIDs(hashes(want)) {
					t.Fatalf("%v: Ahead is\n%s\nand not\n%s", err, sortedIDs(got), sortedIDs(hashes(want)))
				}
				parentsComeLater(t, server, got)
				few, err := r.Ahead(t.Context(), Ref{Branch: "tip"}, tips[0].Hash, tips[1].Hash, 2)
				if err != nil || len(few) != min(3, len(want)) {
					t.Fatalf("%v: at most 2 of %d: %d", err, len(want), len(few))
				}
				all := strings.Fields(git(t, server, "", "rev-list", tip))
				fresh := openApp(t, server)
				fetch(t, fresh, Ref{Branch: "tip"})
				for _, one := range []string{commits[random.IntN(40)], commits[random.IntN(40)], base} {
					has, err := fresh.Contains(t.Context(), Ref{Branch: "tip"}, tips[0].Hash, plumbing.NewHash(one))
					if err != nil || has != slices.Contains(all, one) {
						t.Fatalf("%v: Contains %s is %v", err, one, has)
					}
				}
			}
		})
	}
}

func hashes(ids []string) []Hash {
	var all []Hash
	for _, id := range ids {
		all = append(all, plumbing.NewHash(id))
	}
	return all
}

func sortedIDs(all []Hash) string {
	var ids []string
	for _, hash := range all {
		ids = append(ids, hash.String())
	}
	slices.Sort(ids)
	return strings.Join(ids, "\n")
}

func parentsComeLater(t *testing.T, server *gitserver.Server, list []Hash) {
	t.Helper()
	if len(list) == 0 {
		return
	}
	args := []string{"rev-list", "--no-walk=unsorted", "--parents"}
	for _, hash := range list {
		args = append(args, hash.String())
	}
	seen := map[string]bool{}
	for line := range strings.SplitSeq(git(t, server, "", args...), "\n") {
		ids := strings.Fields(line)
		for _, parent := range ids[1:] {
			if seen[parent] {
				t.Fatalf("%s is listed before its child %s", parent, ids[0])
			}
		}
		seen[ids[0]] = true
	}
}

func TestAheadOfABaseThatIsUnrelatedOrGone(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	commits := randomHistory(t, server, rand.New(rand.NewPCG(1, 1)), 1, 1) // #nosec G404 -- a test's
	for i := range 4 {
		if _, err := server.Commit(app, "main", map[string]string{"a": fmt.Sprint(i)}, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	git(t, server, "", "update-ref", "refs/heads/other", commits[0])
	for name, base := range map[string]string{"unrelated": commits[0], "gone": strings.Repeat("1", 40), "none": ""} {
		t.Run(name, func(t *testing.T) {
			r := openApp(t, server)
			tips, err := r.FetchAll(t.Context(), Ref{Branch: "main"}, Ref{Branch: "other"})
			if err != nil {
				t.Fatal(err)
			}
			for most, want := range map[int]int{0: 1, 2: 3, 4: 5, 5: 5, 9: 5} {
				list, err := r.Ahead(t.Context(), Ref{Branch: "main"}, tips[0].Hash, plumbing.NewHash(base), most)
				if err != nil || len(list) != want || list[0] != tips[0].Hash {
					t.Fatalf("at most %d: %v %v", most, err, list)
				}
			}
		})
	}
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	if list, err := r.Ahead(t.Context(), Ref{}, tip.Hash, tip.Hash, 5); err != nil || len(list) != 0 {
		t.Fatalf("nothing is ahead of itself: %v %v", err, list)
	}
}

// A server that can leave trees and files out is asked for commits alone, and they never get into the cache.
func TestHistoryComesWithoutItsContentWhereItCan(t *testing.T) {
	var counted traffic
	server := startServer(t, gitserver.Config{Wrap: counted.wrap}, map[string]string{"a": "0", "d/b": "0"})
	git(t, server, "", "config", "uploadpack.allowFilter", "true")
	first := plumbing.NewHash(git(t, server, "", "rev-parse", "main"))
	for i := range 70 {
		must(server.Commit(app, "main", map[string]string{"a": strings.Repeat(fmt.Sprint(i), 100)}, fmt.Sprint(i)))
	}
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	objects := packedObjects(t, r)
	absent := plumbing.NewHash(strings.Repeat("1", 40))
	for _, c := range []struct {
		commit Hash
		want   bool
	}{{first, true}, {absent, false}, {absent, false}, {first, true}} {
		if has, err := r.Contains(t.Context(), Ref{}, tip.Hash, c.commit); err != nil || has != c.want {
			t.Fatalf("%v: Contains %s is %v", err, c.commit, has)
		}
	}
	if list, err := r.Ahead(t.Context(), Ref{}, tip.Hash, first, 100); err != nil || len(list) != 70 {
		t.Fatalf("%v: %d are ahead", err, len(list))
	}
	if got := packedObjects(t, r); got != objects {
		t.Fatalf("the cache has %d objects more", got-objects)
	}
	counted.take()
	_, err := r.Contains(t.Context(), Ref{}, absent, first)
	wantKind(t, err, ErrStale)
	if got := counted.take(); got != "GET refs" {
		t.Fatalf("when all of the history is here: %s", got)
	}
	// What is known of the past is no part of the cache: an old commit can be asked for with its files.
	old := fetch(t, r, Ref{Branch: "main", Commit: first.String()})
	if got := paths(walk(t, r, old.Hash, WalkOptions{})); got != "a d/b" {
		t.Fatalf("files %q", got)
	}
	must(server.Commit(app, "main", map[string]string{"a": "0"}, "as it was at first"))
	tip = fetch(t, r, Ref{})
	if content, err := r.ReadFile(walk(t, r, tip.Hash, WalkOptions{}).Files[0]); err != nil || string(content) != "0" {
		t.Fatalf("%v %q", err, content)
	}
	push(t, r, tip.Hash, commit(t, r, tip.Hash, "d/b", "1").Hash)
	fsck(t, server)
}

func TestTheCacheAnswersWithoutTheRemote(t *testing.T) {
	var counted traffic
	server := startServer(t, gitserver.Config{Wrap: counted.wrap}, map[string]string{"a": "1"})
	r := openApp(t, server)
	base := fetch(t, r, Ref{})
	one := commit(t, r, base.Hash, "a", "2")
	two := commit(t, r, one.Hash, "a", "3")
	counted.take()
	if has, err := r.Contains(t.Context(), Ref{}, two.Hash, base.Hash); !has || err != nil {
		t.Fatal(has, err)
	}
	list, err := r.Ahead(t.Context(), Ref{}, two.Hash, base.Hash, 10)
	if err != nil || !slices.Equal(list, []Hash{two.Hash, one.Hash}) {
		t.Fatal(err, list)
	}
	if got := counted.take(); got != "" {
		t.Fatalf("requests: %s", got)
	}
	if has, err := r.Contains(t.Context(), Ref{}, base.Hash, two.Hash); has || err != nil {
		t.Fatal(has, err)
	}
	for name, pair := range map[string][2]Hash{"no tip": {{}, base.Hash}, "no commit": {base.Hash, {}}, "neither": {}} {
		if has, err := r.Contains(t.Context(), Ref{}, pair[0], pair[1]); has || err != nil {
			t.Errorf("%s: %v %v", name, has, err)
		}
	}
}

// A push branch that is behind: that it does not have what main has got since is clear without the history that
// both have.
func TestABranchThatIsBehindIsSeenWithoutTheWholeHistory(t *testing.T) {
	var counted traffic
	server := startServer(t, gitserver.Config{Wrap: counted.wrap}, map[string]string{"a": "0"})
	for i := range 30 {
		must(server.Commit(app, "main", map[string]string{"a": fmt.Sprint(i)}, "x"))
	}
	r := openApp(t, server)
	base := fetch(t, r, Ref{})
	ours := commit(t, r, base.Hash, "a", "ours")
	if _, err := r.Push(t.Context(), []RefUpdate{{Name: "refs/heads/push", New: ours.Hash}}, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		must(server.Commit(app, "main", map[string]string{"a": fmt.Sprint("later ", i)}, "x"))
	}
	behind := func(name string, r *Repo, want string) {
		t.Helper()
		tips, err := r.FetchAll(t.Context(), Ref{Branch: "main"}, Ref{Branch: "push"})
		if err != nil {
			t.Fatal(err)
		}
		counted.take()
		if has, err := r.Contains(t.Context(), Ref{Branch: "push"}, tips[1].Hash, tips[0].Hash); has || err != nil {
			t.Fatalf("%s: %v %v", name, has, err)
		}
		if got := counted.take(); got != want {
			t.Errorf("%s: requests: %s", name, got)
		}
		if list, err := r.Ahead(t.Context(), Ref{Branch: "push"}, tips[1].Hash, tips[0].Hash, 50); err != nil || !slices.Equal(list, []Hash{ours.Hash}) {
			t.Fatalf("%s: %v %v", name, err, list)
		}
		if got := counted.take(); got != "" {
			t.Errorf("%s: requests: %s", name, got)
		}
	}
	behind("with the cache", r, "")
	defer func(depths []int) { deepenings = depths }(deepenings)
	deepenings = []int{15, wholeHistory}
	behind("with an empty cache", openApp(t, server), "GET refs, POST git-upload-pack")
}

func TestATipThatTheRemoteHasNoMoreIsStale(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	r := openApp(t, server)
	fetch(t, r, Ref{})
	gone, absent := plumbing.NewHash(strings.Repeat("1", 40)), plumbing.NewHash(strings.Repeat("2", 40))
	_, err := r.Contains(t.Context(), Ref{Branch: "main"}, gone, absent)
	wantKind(t, err, ErrStale)
	_, err = r.Ahead(t.Context(), Ref{Branch: "main"}, gone, absent, 5)
	wantKind(t, err, ErrStale)
	_, err = r.Contains(t.Context(), Ref{Branch: "absent"}, gone, absent)
	wantKind(t, err, ErrBranchNotFound)
}

// A deepening that breaks off must not make the cache claim a history that it has not.
func TestABrokenDeepeningLeavesTheBoundaryWhereItWas(t *testing.T) {
	var broken atomic.Bool
	server := startServer(t, gitserver.Config{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if broken.Load() && strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
				w = &cutWriter{ResponseWriter: w, left: 150}
			}
			next.ServeHTTP(w, r)
		})
	}}, map[string]string{"a": "0"})
	first := git(t, server, "", "rev-parse", "main")
	for i := range 5 {
		if _, err := server.Commit(app, "main", map[string]string{"a": fmt.Sprint("later ", i)}, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	broken.Store(true)
	if _, err := r.Contains(t.Context(), Ref{}, tip.Hash, plumbing.NewHash(first)); err == nil {
		t.Fatal("the answer came through")
	}
	if len(r.shallow) != 1 {
		t.Fatalf("boundary %v", r.shallow)
	}
	broken.Store(false)
	if has, err := r.Contains(t.Context(), Ref{}, tip.Hash, plumbing.NewHash(first)); !has || err != nil {
		t.Fatal(has, err)
	}
	if out, err := gitIn(t, r.dir, "fsck", "--full", "--no-dangling"); err != nil {
		t.Fatalf("the cache is no sound repository: %v: %s", err, out)
	}
}

// cutWriter breaks the connection after some bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		_, _ = w.ResponseWriter.Write(p[:max(0, w.left+len(p))])
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return w.ResponseWriter.Write(p)
}

func TestDownloadsTellHowFarTheyAre(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": strings.Repeat("x", 1<<16), "b": "1"})
	r := openApp(t, server)
	var told []Progress
	ctx := WithProgress(t.Context(), func(p Progress) { told = append(told, p) })
	if _, err := r.FetchAll(ctx, Ref{}); err != nil {
		t.Fatal(err)
	}
	if len(told) == 0 || told[len(told)-1].Objects != 4 || told[len(told)-1].Bytes < 200 {
		t.Fatalf("told %+v", told)
	}
	told = nil
	if _, err := r.FetchAll(ctx, Ref{}); err != nil || len(told) != 0 {
		t.Fatalf("%v: nothing was downloaded, and told %+v", err, told)
	}
	var m meter
	m.add(1, 1) // nobody listens
	m.end()
	quick := meterOf(WithProgress(context.Background(), func(p Progress) { told = append(told, p) }))
	for range 1000 {
		quick.add(1, 10)
	}
	quick.end()
	if len(told) == 0 || len(told) > 2 || told[len(told)-1] != (Progress{1000, 10_000}) {
		t.Fatalf("told %+v", told)
	}
}
