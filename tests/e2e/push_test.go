// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// gate stops one request, when it is armed, so that a test can do something at that very moment.
type gate struct {
	path          string // what the request's path ends with
	after         bool   // stop it when it is done and not answered yet
	armed         atomic.Bool
	stopped, open chan struct{}
}

func newGate(path string, after bool) *gate {
	return &gate{path: path, after: after, stopped: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mine := strings.HasSuffix(r.URL.Path, g.path) && (r.Method == http.MethodPost || !strings.Contains(g.path, "receive-pack"))
		if !mine || !g.armed.CompareAndSwap(true, false) {
			next.ServeHTTP(w, r)
			return
		}
		if !g.after {
			g.wait(r)
			next.ServeHTTP(w, r)
			return
		}
		held := &heldAnswer{ResponseWriter: w}
		next.ServeHTTP(held, r)
		g.wait(r)
		held.send()
	})
}

// wait holds the request until the test lets it go.
func (g *gate) wait(r *http.Request) {
	select {
	case g.stopped <- struct{}{}:
	case <-time.After(harness.Patience):
		return
	}
	select {
	case <-g.open:
	case <-r.Context().Done():
	case <-time.After(harness.Patience):
	}
}

// reached waits for the moment.
func (g *gate) reached(t *testing.T) {
	t.Helper()
	select {
	case <-g.stopped:
	case <-time.After(harness.Patience):
		t.Fatalf("no request for …%s came", g.path)
	}
}

// heldAnswer keeps an answer back.
type heldAnswer struct {
	http.ResponseWriter
	status int
	body   []byte
}

func (h *heldAnswer) WriteHeader(status int) { h.status = status }

func (h *heldAnswer) Write(body []byte) (int, error) {
	h.body = append(h.body, body...)
	return len(body), nil
}

// send sends it; that nobody is there any more is the point.
func (h *heldAnswer) send() {
	if h.status != 0 {
		h.ResponseWriter.WriteHeader(h.status)
	}
	_, _ = h.ResponseWriter.Write(h.body)
}

// ready brings an image, a Git repository and all objects to a first commit.
func ready(t *testing.T, kind harness.Kind, options harness.Options) *harness.World {
	t.Helper()
	w := suite.NewWorld(t, kind, options)
	runOnce(t, w)
	w.AwaitCondition(t, harness.Update("gitops"), harness.Ready("pushed commit"))
	return w
}

func TestSomebodyElsesCommitDuringARunIsNotLost(t *testing.T) {
	each(t, func(s scenario) {
		t := s.t
		moment := newGate("/git-receive-pack", false)
		w := ready(t, s.kind, harness.Options{Git: gitserver.Config{Wrap: moment.wrap}})
		moment.armed.Store(true)
		w.Push(t, "app", "1.1.0")
		w.Do(t, "reconcile", "image", "repository", "app")
		moment.reached(t)
		theirs, err := w.Git.Commit("gitops.git", "main", map[string]string{"theirs.txt": "mine\n"}, "somebody else's")
		if err != nil {
			t.Fatal(err)
		}
		close(moment.open)
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.1.0 ")
		commits := w.Commits(t, "gitops.git")
		if len(commits) != 4 || commits[2].ID != theirs || w.File(t, "gitops.git", "theirs.txt") != "mine\n" {
			t.Errorf("the commits are %+v", commits)
		}
		w.OneChange(t, "gitops.git", commits[len(commits)-1].ID)
		w.AwaitCondition(t, harness.Update("gitops"), harness.Ready("pushed commit '"+commits[3].ID[:7]+"'"))
	})
}

func TestAKillDuringAScanLosesNothing(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]bool{"before the registry answers": false, "with the answer on its way": true} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s scenario) {
				t := s.t
				moment := newGate("/app/tags/list", after)
				w := ready(t, s.kind, harness.Options{Registry: registry.Config{Wrap: moment.wrap}})
				w.Apply(t, w.RepositoryManifest("app", "app", "1s"))
				w.Push(t, "app", "1.1.0")
				moment.armed.Store(true)
				moment.reached(t)
				if err := w.Process(harness.Scanner).Kill(); err != nil {
					t.Fatal(err)
				}
				close(moment.open)
				w.Process(harness.Scanner).Start(t)
				w.AwaitFile(t, "gitops.git", "app.yaml", ":1.1.0 ")
				if n := len(w.Commits(t, "gitops.git")); n != 3 {
					t.Errorf("there are %d commits, want 3", n)
				}
			})
		})
	}
}
