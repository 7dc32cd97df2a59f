// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

const (
	branch = "main"
	// lookEvery is how often a branch is looked at while a commit is awaited: a file is read.
	lookEvery = 100 * time.Microsecond
	// patience is how long a commit is awaited.
	patience = 2 * time.Minute
)

// remote is a repository of a Git server on loopback.
type remote struct {
	*host
	name string
	// strangers counts the commits that somebody else has made.
	strangers int
}

// host is a Git server on loopback that knows how long it worked on requests.
type host struct {
	*gitserver.Server
	running atomic.Int32
	worked  atomic.Int64 // nanoseconds, in sum
}

func (h *host) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.running.Add(1)
		defer h.running.Add(-1)
		began := time.Now()
		next.ServeHTTP(w, r)
		h.worked.Add(int64(time.Since(began)))
	})
}

// idle waits until no request is worked on.
func (h *host) idle(tb testing.TB) {
	tb.Helper()
	for late := time.Now().Add(patience); h.running.Load() > 0; time.Sleep(lookEvery) {
		if time.Now().After(late) {
			tb.Fatalf("the Git server works on a request for %s", patience)
		}
	}
}

func startGit(tb testing.TB) *host {
	tb.Helper()
	h := &host{}
	server, err := gitserver.Start(context.WithoutCancel(tb.Context()), gitserver.Config{Dir: tb.TempDir(), Wrap: h.wrap})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := server.Close(); err != nil {
			tb.Error(err)
		}
	})
	h.Server = server
	return h
}

// newRemote makes a repository in one pack, as a host's housekeeping leaves it. It is not packed again while it is
// measured, so that the rounds are alike.
func newRemote(tb testing.TB, server *host, name string, files map[string]string) *remote {
	tb.Helper()
	if err := server.CreateRepository(name, branch, files); err != nil {
		tb.Fatal(err)
	}
	r := &remote{host: server, name: name}
	for _, command := range [][]string{
		{"repack", "-a", "-d", "-q"}, {"config", "gc.auto", "0"}, {"config", "receive.autogc", "false"},
	} {
		if _, err := server.Git(name, nil, command...); err != nil {
			tb.Fatal(err)
		}
	}
	return r
}

func (r *remote) url() string { return r.RepositoryURL(r.name) }

// tip is the commit that the branch is at. It costs a file's reading.
func (r *remote) tip(tb testing.TB) string {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(r.Dir(r.name), "refs", "heads", branch))
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(string(content))
}

// awaitCommit waits until the branch is no longer at a commit.
func (r *remote) awaitCommit(tb testing.TB, before string) {
	tb.Helper()
	for late := time.Now().Add(patience); r.tip(tb) == before; time.Sleep(lookEvery) {
		if time.Now().After(late) {
			tb.Fatalf("%s has no new commit after %s", r.name, patience)
		}
	}
}

// changed makes sure that the last commit changed so many files, and that the tag is in them.
func (r *remote) changed(tb testing.TB, files int, tag string) {
	tb.Helper()
	out, err := r.Git(r.name, nil, "diff-tree", "-r", "-p", "-U0", "--no-commit-id", "HEAD")
	if err != nil {
		tb.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "+ ") && strings.Contains(line, tag+" # {") {
			found++
		}
	}
	if found != files {
		tb.Fatalf("the commit on %s sets %s in %d files, want %d", r.name, tag, found, files)
	}
}

// strangerCommits has somebody else change a file that has no marker.
func (r *remote) strangerCommits(tb testing.TB) {
	tb.Helper()
	r.strangers++
	content := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: notes\ndata:\n  note: \"%d\"\n", r.strangers)
	if _, err := r.Commit(r.name, branch, map[string]string{"clusters/production/notes.yaml": content}, "Notes"); err != nil {
		tb.Fatal(err)
	}
}
