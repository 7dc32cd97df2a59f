// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/up"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

// remote is a Git server with a repository `fleet`, which may be made to fail.
type remote struct {
	*testing.T
	*gitserver.Server
	requests atomic.Int64
	down     atomic.Bool
}

func newRemote(t *testing.T, config gitserver.Config, files map[string]string) *remote {
	t.Helper()
	r := &remote{T: t}
	config.Dir = t.TempDir()
	config.Wrap = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			r.requests.Add(1)
			if r.down.Load() {
				http.Error(w, "away", http.StatusBadGateway)
				return
			}
			next.ServeHTTP(w, req)
		})
	}
	var err error
	if r.Server, err = gitserver.Start(t.Context(), config); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if err := r.CreateRepository("fleet", "main", files); err != nil {
		t.Fatal(err)
	}
	return r
}

// put commits a file to main.
func (r *remote) put(name, text string) {
	r.Helper()
	if _, err := r.Commit("fleet", "main", map[string]string{name: text}, "put "+name); err != nil {
		r.Fatal(err)
	}
}

// change commits lines of fast-import: `D path`, `M 120000 inline path`.
func (r *remote) change(lines string) {
	r.Helper()
	parent, err := r.Resolve("fleet", "main")
	if err != nil {
		r.Fatal(err)
	}
	in := fmt.Sprintf("commit refs/heads/main\ncommitter a <a@b> now\ndata 1\nx\nfrom %s\n%s\n", parent, lines)
	if _, err := r.Git("fleet", []byte(in), "fast-import", "--quiet", "--date-format=now"); err != nil {
		r.Fatal(err)
	}
}

func TestARepositoryIsFollowed(t *testing.T) {
	r := newRemote(t, gitserver.Config{}, map[string]string{
		"clusters/prod/a.yaml": policy("a", "1.x"), "clusters/prod/b.yaml": policy("b", "1.x"), "clusters/dev/a.yaml": policy("dev", "1.x"),
		"clusters/prod/ns.yaml":         "apiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {a: b}}\n",
		"clusters/prod/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
	})
	url := r.RepositoryURL("fleet")
	manager := "manifests:" + url + "?path=clusters/prod"
	w := newWorld(t)
	w.start(url + "?ref=main&path=clusters/prod")
	w.awaitPolicy("a", "1.x", manager)
	w.awaitPolicy("b", "1.x", manager)
	w.awaitLine(0, "manifests read", "objects=2", "errors=0", "other_kinds=1", "revision=main@sha1:")

	r.put("clusters/prod/a.yaml", policy("a", "2.x"))
	w.awaitPolicy("a", "2.x", manager)
	w.byHand("a", "3.x")
	w.awaitPolicy("a", "2.x", manager)
	w.awaitLine(0, "a change by hand is undone", "apply:alice@laptop")
	r.change("D clusters/prod/b.yaml")
	w.awaitGone("b")

	// What is pushed or moved while nobody looks; another ref is the same source.
	w.stop()
	r.change("D clusters/prod/a.yaml")
	r.put("clusters/prod/c.yaml", policy("c", "1.x", "namespace: other"))
	if _, err := r.Git("fleet", nil, "branch", "next", "main"); err != nil {
		t.Fatal(err)
	}
	w.start(url + "?ref=next&path=clusters/prod")
	w.awaitPolicy("other/c", "1.x", manager)
	w.awaitGone("a")
	if _, err := w.policy("dev"); err == nil {
		t.Error("what is beside the path was applied")
	}
}

func TestARepositoryThatIsAwayKeepsWhatIs(t *testing.T) {
	r := newRemote(t, gitserver.Config{}, map[string]string{"a.yaml": policy("a", "1.x")})
	r.down.Store(true)
	w := newWorld(t)
	w.start(r.RepositoryURL("fleet"), func(o *up.Options) { o.Common.HTTPListen = "127.0.0.1:0" })
	w.awaitLine(0, "level=ERROR", "the manifests are not followed", "look at the server's log")
	w.awaitMetric("tidemark_manifests_following", "0")
	w.awaitReady("manifests.upstream")
	r.down.Store(false)
	w.awaitPolicy("a", "1.x", "")
	w.awaitMetric("tidemark_manifests_following", "1")
	w.awaitMetric(`tidemark_manifests_objects`, "1", `state="applied"`)

	before := w.log.count("the manifests are not followed")
	r.down.Store(true)
	w.awaitLine(before, "the manifests are not followed")
	// Somebody at work by hand meanwhile is left in peace; several looks fail, and it is said once.
	w.byHand("a", "2.x")
	seen := r.requests.Load()
	w.await("more looks", func() error {
		if n := r.requests.Load() - seen; n < 3 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	w.awaitPolicy("a", "2.x", "apply:alice@laptop")
	if n := w.log.count("the manifests are not followed"); n != before+1 {
		t.Errorf("said %d times", n-before)
	}
	r.down.Store(false)
	w.awaitLine(before, "the manifests are followed again")
	w.awaitPolicy("a", "1.x", "")
}

func TestNothingOfARepositoryIsDeletedByMistake(t *testing.T) {
	for name, harm := range map[string]struct {
		do   func(r *remote)
		line string
	}{
		"a file breaks":      {func(r *remote) { r.put("prod/a.yaml", "kind: [\n") }, "prod/a.yaml:1:"},
		"a field is unknown": {func(r *remote) { r.put("prod/a.yaml", policy("a", "1.x")+"  colour: red\n") }, "prod/a.yaml:8:3: spec.colour"},
		"an object is there twice and broken": {func(r *remote) {
			r.put("prod/0.yaml", policy("a", "one"))
		}, "prod/a.yaml:2:1: ImagePolicy a is at prod/0.yaml:2 already"},
		"a link leads out": {func(r *remote) {
			r.change("M 120000 inline prod/a.yaml\ndata 16\n../../etc/passwd\n")
		}, "prod/a.yaml: not read: it is a symbolic link"},
		"a file is too large": {func(r *remote) { r.put("prod/a.yaml", policy("a", "1.x")+"#"+strings.Repeat("x", 5<<20)) }, "prod/a.yaml: not read: it is larger"},
		"the path is gone":    {func(r *remote) { r.change("D prod") }, "correct ?path="},
		"the path is a link":  {func(r *remote) { r.change("D prod\nM 120000 inline prod\ndata 1\n.\n") }, "correct ?path="},
		"no object is left":   {func(r *remote) { r.change("D prod/a.yaml\nD prod/b.yaml") }, "what they brought stays"},
		"the branch is gone": {func(r *remote) {
			if _, err := r.Git("fleet", nil, "branch", "-m", "main", "trunk"); err != nil {
				r.Fatal(err)
			}
		}, "correct ?ref="},
		"another repository is in its place": {func(r *remote) {
			if err := os.RemoveAll(r.Dir("fleet")); err != nil {
				r.Fatal(err)
			}
			if err := r.CreateRepository("fleet", "main", map[string]string{"README.md": "x"}); err != nil {
				r.Fatal(err)
			}
		}, "correct ?path="},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRemote(t, gitserver.Config{}, map[string]string{
				"prod/a.yaml": policy("a", "1.x"), "prod/b.yaml": policy("b", "1.x"), "prod/README.md": "x",
			})
			url := r.RepositoryURL("fleet") + "?ref=main&path=prod"
			w := newWorld(t)
			w.start(url)
			w.awaitPolicy("a", "1.x", "")
			w.awaitPolicy("b", "1.x", "")
			harm.do(r)
			w.awaitLine(0, "level=ERROR", harm.line)
			w.stop()
			before := w.log.count("level=ERROR", harm.line)
			w.start(url)
			w.awaitLine(before, "level=ERROR", harm.line)
			seen := r.requests.Load()
			w.await("another look", func() error {
				if r.requests.Load() < seen+2 {
					return fmt.Errorf("none yet")
				}
				return nil
			})
			w.awaitPolicy("a", "1.x", "")
			if w.log.count("object deleted") > 0 {
				t.Error("something was deleted")
			}
		})
	}
}

func TestAFewManifestsAmongManyFiles(t *testing.T) {
	files := map[string]string{}
	for i := range 20_000 {
		files[fmt.Sprintf("apps/%03d/%05d.yaml", i%200, i)] = fmt.Sprintf("kind: ConfigMap\nn: %d\n", i)
	}
	for i := range 5 {
		files[fmt.Sprintf("tidemark/%d.yaml", i)] = policy(fmt.Sprintf("p%d", i), "1.x")
	}
	r := newRemote(t, gitserver.Config{}, files)
	w := newWorld(t)
	w.start(r.RepositoryURL("fleet") + "?path=tidemark")
	for i := range 5 {
		w.awaitPolicy(fmt.Sprintf("p%d", i), "1.x", "")
	}
	w.awaitLine(0, "manifests read", "objects=5", "other_kinds=0")
}

func TestARepositoryWithACredential(t *testing.T) {
	r := newRemote(t, gitserver.Config{Username: "bob", Password: "hunter22"}, map[string]string{
		"a.yaml": policy("a", "1.x"),
		// A secret of the same name in the repository does not lock its own follower out.
		"secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: fleet}\nstringData: {username: bob, password: wrong-word}\n",
	})
	secrets := t.TempDir()
	dir := filepath.Join(secrets, "flux-system", "fleet")
	with := func(o *up.Options) { o.Common.SecretsDir, o.Following.Secret = secrets, "fleet" }
	w := newWorld(t)
	w.start(r.RepositoryURL("fleet"), with)
	w.awaitLine(0, "the manifests are not followed", "there is no secret 'flux-system/fleet'")
	put(t, dir, "username", "bob")
	put(t, dir, "password", "wrong-word")
	w.awaitLine(0, "the manifests are not followed", "check the secret for it")
	put(t, dir, "password", "hunter22")
	w.awaitPolicy("a", "1.x", "")
	r.put("a.yaml", policy("a", "2.x"))
	w.awaitPolicy("a", "2.x", "")
	if w.log.count("hunter22")+w.log.count("wrong-word") > 0 {
		t.Error("a password is in the log")
	}
}

func TestFlagsThatCannotBeMeant(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*up.Options)
		want   string
	}{
		"a password in the URL":       {func(o *up.Options) { o.Manifests = "https://bob:hunter22@host/repo" }, "user or password"},
		"an unknown word":             {func(o *up.Options) { o.Manifests = "https://host/repo?branch=x" }, "neither ref nor path"},
		"another scheme":              {func(o *up.Options) { o.Manifests = "file:///srv" }, "folder by its path"},
		"a secret for a folder":       {func(o *up.Options) { o.Manifests, o.Following.Secret = ".", "x" }, "is for a Git URL"},
		"a secret of no folder":       {func(o *up.Options) { o.Manifests, o.Following.Secret = "https://host/repo", "x" }, "--secrets-dir, which is not given"},
		"a former source of no sense": {func(o *up.Options) { o.Manifests, o.Following.Formerly = ".", []string{"oci://host/x"} }, "--manifests-formerly"},
		"a timeout of the past":       {func(o *up.Options) { o.Manifests, o.Following.Timeout = "https://host/repo", -1 }, "--manifests-timeout"},
		"an interval of the past":     {func(o *up.Options) { o.Manifests, o.Following.Interval = ".", -1 }, "--manifests-interval"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := up.Options{LogOutput: &lines{}}
			options.Common.DataDir = t.TempDir()
			c.change(&options)
			running, err := up.Start(t.Context(), options)
			if err == nil {
				t.Fatal(running.Stop())
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter22") {
				t.Errorf("%v", err)
			}
		})
	}
}

// awaitMetric waits until a line of /metrics with the name and the words has the value.
func (w *world) awaitMetric(name, value string, words ...string) {
	w.Helper()
	w.await(name+" "+value, func() error {
		text, err := w.get("/metrics")
		if err != nil {
			return err
		}
		for line := range strings.SplitSeq(text, "\n") {
			if strings.HasPrefix(line, name) && strings.HasSuffix(line, " "+value) && containsAll(line, words) {
				return nil
			}
		}
		return fmt.Errorf("not in %d bytes", len(text))
	})
}

// awaitReady waits until the program is ready although the name is failing.
func (w *world) awaitReady(failing string) {
	w.Helper()
	w.await("readiness", func() error {
		text, err := w.get("/readyz")
		if err == nil && (!strings.HasPrefix(text, "ready\n") || !strings.Contains(text, failing)) {
			err = fmt.Errorf("%q", text)
		}
		return err
	})
}

func containsAll(line string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(line, word) {
			return false
		}
	}
	return true
}

func (w *world) get(path string) (string, error) {
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, "http://"+w.services.HTTP+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return string(text), err
}

func TestTwoRepositoriesWithTheSameObject(t *testing.T) {
	files := map[string]string{"prod/a.yaml": policy("a", "1.x")}
	r := newRemote(t, gitserver.Config{}, files)
	other := maps.Clone(files)
	other["prod/a.yaml"] = policy("a", "2.x")
	if err := r.CreateRepository("second", "main", other); err != nil {
		t.Fatal(err)
	}
	first, second := r.RepositoryURL("fleet")+"?path=prod", r.RepositoryURL("second")+"?path=prod"
	w := newWorld(t)
	w.start(first)
	w.awaitPolicy("a", "1.x", "manifests:"+first)
	w.stop()
	w.start(second)
	w.awaitLine(0, "left to the other source of manifests", first, second)
	w.awaitPolicy("a", "1.x", "manifests:"+first)
	w.stop()
	w.start(second, func(o *up.Options) { o.Following.Formerly = []string{first + "&ref=main"} })
	w.awaitPolicy("a", "2.x", "manifests:"+second)
}
