// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitfiles_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/gitfiles"
)

// server is a Git server that counts its requests, with a repository `fleet`.
type server struct {
	*gitserver.Server
	requests atomic.Int64
	down     atomic.Bool
}

func start(t *testing.T, config gitserver.Config, files map[string]string) *server {
	t.Helper()
	s := &server{}
	config.Dir = t.TempDir()
	config.Wrap = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.requests.Add(1)
			if s.down.Load() {
				http.Error(w, "away", http.StatusBadGateway)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	var err error
	if s.Server, err = gitserver.Start(t.Context(), config); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.CreateRepository("fleet", "main", files); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) commit(t *testing.T, files map[string]string) string {
	t.Helper()
	hash, err := s.Commit("fleet", "main", files, "a change")
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func (s *server) git(t *testing.T, args ...string) {
	t.Helper()
	if _, err := s.Git("fleet", nil, args...); err != nil {
		t.Fatal(err)
	}
}

// symlink puts a symbolic link into the tree of main.
func (s *server) symlink(t *testing.T, name, to string) {
	t.Helper()
	parent, err := s.Resolve("fleet", "main")
	if err != nil {
		t.Fatal(err)
	}
	in := fmt.Sprintf("commit refs/heads/main\ncommitter a <a@b> now\ndata 1\nx\nfrom %s\nM 120000 inline %s\ndata %d\n%s\n", parent, name, len(to), to)
	if _, err := s.Git("fleet", []byte(in), "fast-import", "--quiet", "--date-format=now"); err != nil {
		t.Fatal(err)
	}
}

func yaml(name string) bool { return strings.HasSuffix(name, ".yaml") }

func (s *server) open(t *testing.T, query string, changes ...func(*gitfiles.Config)) *gitfiles.Repository {
	t.Helper()
	return open(t, s.RepositoryURL("fleet")+query, changes...)
}

func open(t *testing.T, url string, changes ...func(*gitfiles.Config)) *gitfiles.Repository {
	t.Helper()
	address, err := gitfiles.ParseAddress(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg := gitfiles.Config{Address: address, Dir: filepath.Join(t.TempDir(), "cache"), Match: yaml}
	for _, change := range changes {
		change(&cfg)
	}
	r, err := gitfiles.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func look(t *testing.T, r *gitfiles.Repository) *gitfiles.Snapshot {
	t.Helper()
	s, err := r.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func refused(t *testing.T, r *gitfiles.Repository, want string) {
	t.Helper()
	if s, err := r.Look(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, %v; want %q", s, err, want)
	}
}

func contents(s *gitfiles.Snapshot) map[string]string {
	all := map[string]string{}
	for _, f := range s.Files {
		all[f.Path] = string(f.Content)
	}
	return all
}

func TestFilesOfAPath(t *testing.T) {
	s := start(t, gitserver.Config{}, map[string]string{
		"clusters/prod/app.yaml": "app", "clusters/prod/deep/er.yaml": "er", "clusters/prod/README.md": "no", "clusters/dev/app.yaml": "dev",
		"clusters/prod/.sops.yaml": "no", "clusters/prod/.github/ci.yaml": "no", ".ci.yaml": "no",
	})
	want := map[string]string{"clusters/prod/app.yaml": "app", "clusters/prod/deep/er.yaml": "er"}
	got := look(t, s.open(t, "?path=clusters/prod"))
	if diff := cmp.Diff(want, contents(got)); diff != "" || len(got.Skipped) > 0 {
		t.Errorf("%s%v", diff, got.Skipped)
	}
	one := look(t, s.open(t, "?path=clusters/dev/app.yaml"))
	if diff := cmp.Diff(map[string]string{"clusters/dev/app.yaml": "dev"}, contents(one)); diff != "" {
		t.Error(diff)
	}
	refused(t, s.open(t, "?path=clusters/stage"), "correct ?path=")
}

func TestNothingNewCostsOneRequest(t *testing.T) {
	s := start(t, gitserver.Config{}, map[string]string{"a.yaml": "1"})
	dir := filepath.Join(t.TempDir(), "cache")
	r := s.open(t, "", func(c *gitfiles.Config) { c.Dir = dir })
	first := look(t, r)
	before := s.requests.Load()
	if again := look(t, r); again != first || s.requests.Load()-before != 1 {
		t.Errorf("%d requests, the same snapshot: %t", s.requests.Load()-before, again == first)
	}
	s.commit(t, map[string]string{"a.yaml": "2"})
	if got := look(t, r); contents(got)["a.yaml"] != "2" || got.Revision == first.Revision {
		t.Errorf("after a commit: %v", got)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	before = s.requests.Load()
	if got := look(t, s.open(t, "", func(c *gitfiles.Config) { c.Dir = dir })); contents(got)["a.yaml"] != "2" || s.requests.Load()-before != 1 {
		t.Errorf("after a restart: %d requests, %v", s.requests.Load()-before, contents(got))
	}
}

func TestRefs(t *testing.T) {
	s := start(t, gitserver.Config{}, map[string]string{"a.yaml": "one"})
	s.git(t, "tag", "v1.0.0", "main")
	s.git(t, "tag", "-a", "-m", "annotated", "both", "main")
	second := s.commit(t, map[string]string{"a.yaml": "two"})
	s.git(t, "tag", "v1.1.0", "main")
	s.git(t, "branch", "both", "main")
	s.commit(t, map[string]string{"a.yaml": "three"})
	s.git(t, "tag", "v2.0.0", "main")
	for ref, want := range map[string]string{
		"": "three", "?ref=main": "three", "?ref=v1.0.0": "one", "?ref=both": "two", "?ref=refs/tags/both": "one",
		"?ref=semver:1.x": "two", "?ref=semver:%3E%3D1": "three", "?ref=" + second: "two",
	} {
		if got := contents(look(t, s.open(t, ref)))["a.yaml"]; got != want {
			t.Errorf("%s: %q, not %q", ref, got, want)
		}
	}
	for _, ref := range []string{"?ref=nope", "?ref=semver:9.x", "?ref=" + strings.Repeat("0a", 20), "?ref=refs/heads/nope"} {
		refused(t, s.open(t, ref), "correct ?ref=")
	}
}

func TestWhatCannotBeReadIsTold(t *testing.T) {
	s := start(t, gitserver.Config{}, map[string]string{"a.yaml": "a", "large.yaml": strings.Repeat("x", 2000)})
	s.symlink(t, "out.yaml", "../../../../etc/passwd")
	s.symlink(t, "in.yaml", "a.yaml")
	s.symlink(t, "folder", "..")
	got := look(t, s.open(t, "", func(c *gitfiles.Config) { c.MaxFileBytes = 1000 }))
	if diff := cmp.Diff(map[string]string{"a.yaml": "a"}, contents(got)); diff != "" {
		t.Error(diff)
	}
	var skipped []string
	for _, each := range got.Skipped {
		skipped = append(skipped, each.Path)
	}
	slices.Sort(skipped)
	if diff := cmp.Diff([]string{"in.yaml", "large.yaml", "out.yaml"}, skipped); diff != "" {
		t.Errorf("skipped: %s%v", diff, got.Skipped)
	}
	refused(t, s.open(t, "?path=folder"), "correct ?path=")
}

func TestBounds(t *testing.T) {
	s := start(t, gitserver.Config{}, map[string]string{"a.yaml": "123456", "b.yaml": "123456", "c/c.yaml": "1"})
	refused(t, s.open(t, "", func(c *gitfiles.Config) { c.MaxTotalBytes = 12 }), "name a smaller folder with ?path=")
	refused(t, s.open(t, "", func(c *gitfiles.Config) { c.MaxFiles = 2 }), "name a smaller folder with ?path=")
	if got := look(t, s.open(t, "?path=c", func(c *gitfiles.Config) { c.MaxFiles, c.MaxTotalBytes = 2, 12 })); len(got.Files) != 1 {
		t.Errorf("of a smaller folder: %v", got.Files)
	}
}

func TestFewManifestsAmongManyFiles(t *testing.T) {
	files := map[string]string{}
	for i := range 20_000 {
		files[fmt.Sprintf("apps/%03d/%05d.yaml", i%200, i)] = fmt.Sprintf("n: %d\n", i)
	}
	for i := range 5 {
		files[fmt.Sprintf("tidemark/%d.yaml", i)] = "x"
	}
	s := start(t, gitserver.Config{}, files)
	r := s.open(t, "?path=tidemark", func(c *gitfiles.Config) { c.MaxFiles, c.MaxTotalBytes = 5, 5 })
	if got := look(t, r); len(got.Files) != 5 {
		t.Errorf("%d files", len(got.Files))
	}
	refused(t, s.open(t, ""), "name a smaller folder with ?path=")
}

func TestAServerThatIsAwayAndBack(t *testing.T) {
	s := start(t, gitserver.Config{}, map[string]string{"a.yaml": "1"})
	r := s.open(t, "")
	s.down.Store(true)
	refused(t, r, "look at the server's log")
	s.down.Store(false)
	look(t, r)
	s.down.Store(true)
	refused(t, r, "the Git server failed")
	s.down.Store(false)
	s.commit(t, map[string]string{"a.yaml": "2"})
	if got := look(t, r); contents(got)["a.yaml"] != "2" {
		t.Errorf("%v", contents(got))
	}
}

func TestAServerThatDoesNotAnswer(t *testing.T) {
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hung.Close)
	refused(t, open(t, hung.URL+"/fleet", func(c *gitfiles.Config) { c.Timeout = 20 * time.Millisecond }), "it took too long")
}

func TestABrokenCacheHeals(t *testing.T) {
	s := start(t, gitserver.Config{}, map[string]string{"a.yaml": "1"})
	dir := filepath.Join(t.TempDir(), "cache")
	for name, harm := range map[string]func(pack string) error{
		"a pack is gone":    os.Remove,
		"a pack is cut off": func(pack string) error { return os.Truncate(pack, 20) },
		"a pack is garbage": func(pack string) error { return os.WriteFile(pack, []byte("garbage"), 0o600) },
		"nothing is there":  func(string) error { return os.RemoveAll(dir) },
	} {
		t.Run(name, func(t *testing.T) {
			first := s.open(t, "", func(c *gitfiles.Config) { c.Dir = dir })
			look(t, first)
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			packs, err := filepath.Glob(filepath.Join(dir, "*", "objects", "pack", "*.pack"))
			if err != nil || len(packs) == 0 {
				t.Fatalf("%v, %v", packs, err)
			}
			for _, pack := range packs {
				if err := os.Chmod(pack, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := harm(pack); err != nil {
					t.Fatal(err)
				}
			}
			if got := look(t, s.open(t, "", func(c *gitfiles.Config) { c.Dir = dir })); contents(got)["a.yaml"] != "1" {
				t.Errorf("%v", contents(got))
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	s := start(t, gitserver.Config{Username: "bob", Password: "hunter22"}, map[string]string{"a.yaml": "1"})
	var secrets secret.Memory
	refused(t, s.open(t, ""), "check the secret")
	r := s.open(t, "", func(c *gitfiles.Config) { c.Secret, c.Secrets = "fleet", &secrets })
	refused(t, r, "there is no secret 'flux-system/fleet'")
	for _, step := range []struct{ password, want string }{{"wrong-word", "check the secret"}, {"hunter22", ""}, {"changed-too", "check the secret"}} {
		if err := secrets.Set("flux-system", "fleet", secret.Secret{"username": []byte("bob"), "password": []byte(step.password)}); err != nil {
			t.Fatal(err)
		}
		_, err := r.Look(t.Context())
		switch {
		case step.want == "" && err != nil, step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want)):
			t.Errorf("with %s: %v", step.password, err)
		case err != nil && strings.Contains(err.Error(), step.password):
			t.Errorf("the password is in %v", err)
		}
	}
}

func TestSSH(t *testing.T) {
	s := start(t, gitserver.Config{}, map[string]string{"a.yaml": "1"})
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	front, err := s.StartSSH(t.Context(), ssh.MarshalAuthorizedKey(key))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = front.Close() })
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	var secrets secret.Memory
	if err := secrets.Set("flux-system", "fleet", secret.Secret{"identity": pem.EncodeToMemory(block), "known_hosts": front.KnownHosts}); err != nil {
		t.Fatal(err)
	}
	r := open(t, front.URL("fleet")+"?ref=main", func(c *gitfiles.Config) { c.Secret, c.Secrets = "fleet", &secrets })
	if got := look(t, r); contents(got)["a.yaml"] != "1" || !strings.HasPrefix(got.Revision, "main@sha1:") {
		t.Errorf("%v", got)
	}
}

func TestAnEmptyRepositoryIsNoEmptyTree(t *testing.T) {
	s := start(t, gitserver.Config{}, nil)
	refused(t, s.open(t, ""), "push a first commit")
	refused(t, s.open(t, "?ref=main"), "push a first commit")
}

func TestLooksBesideOneAnother(t *testing.T) {
	s := start(t, gitserver.Config{}, map[string]string{"a.yaml": "1"})
	r := s.open(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5 {
				if _, err := r.Look(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() {
		if _, err := s.Commit("fleet", "main", map[string]string{"a.yaml": "2"}, "beside"); err != nil {
			t.Error(err)
		}
	})
	group.Wait()
	if got := look(t, r); contents(got)["a.yaml"] != "2" {
		t.Errorf("%v", contents(got))
	}
	cancel()
	if _, err := r.Look(ctx); err == nil {
		t.Error("a look after the end succeeded")
	}
}
