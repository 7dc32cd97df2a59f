// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, config Config) *Server {
	t.Helper()
	t.Setenv("HOME", filepath.Join(t.TempDir(), "absent"))
	config.Dir = t.TempDir()
	s, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// git runs the git command line as a user would, against the server.
func git(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(gitEnv(), "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_CONFIG_COUNT=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := git(t, dir, args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

func TestCloneCommitPushAndReadBack(t *testing.T) {
	s := start(t, Config{})
	if err := s.CreateRepository("team/app.git", "main", map[string]string{"a b/\"q\".yaml": "one\n", "README": ""}); err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(t.TempDir(), "work")
	mustGit(t, t.TempDir(), "clone", "-q", s.RepositoryURL("team/app.git"), work)
	content := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB: git sends it chunked
	if err := os.WriteFile(filepath.Join(work, "big"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	mustGit(t, work, "add", "big")
	mustGit(t, work, "commit", "-q", "-m", "subject\n\nbody")
	mustGit(t, work, "-c", "core.compression=0", "push", "-q", "origin", "main")

	if got, err := s.ReadFile("team/app.git", "main", "big"); err != nil || got != content {
		t.Fatalf("big file: %d bytes, %v", len(got), err)
	}
	id, err := s.Commit("team/app.git", "main", map[string]string{"a b/\"q\".yaml": "two\n"}, "theirs")
	if err != nil {
		t.Fatal(err)
	}
	log, err := s.Log("team/app.git", "main")
	if err != nil {
		t.Fatal(err)
	}
	if len(log) != 3 || log[0].ID != id || log[0].Message != "theirs" || log[0].Author != Author || log[1].Message != "subject\n\nbody" || log[2].Parents != "" {
		t.Fatalf("log: %+v", log)
	}
	diff, err := s.Diff("team/app.git", id)
	if err != nil || !strings.Contains(diff, "-one\n+two\n") {
		t.Fatalf("diff: %v\n%s", err, diff)
	}
	mustGit(t, work, "pull", "-q", "--ff-only")
}

func TestEmptyRepositoryHasNoCommit(t *testing.T) {
	s := start(t, Config{})
	if err := s.CreateRepository("empty.git", "trunk", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Log("empty.git", "trunk"); err == nil {
		t.Fatal("an empty repository has a log")
	}
	if err := s.CreateRepository("empty.git", "trunk", nil); !errors.Is(err, os.ErrExist) {
		t.Fatalf("second creation: %v", err)
	}
	for _, name := range []string{"", "../x", "a/../b", "-x", "/x", "a//b"} {
		if err := s.CreateRepository(name, "main", nil); err == nil {
			t.Errorf("%q was created", name)
		}
	}
}

func TestAuthenticationIsAskedForWhenConfigured(t *testing.T) {
	s := start(t, Config{Username: "bot", Password: "pass", Token: "tok"})
	if err := s.CreateRepository("a.git", "main", map[string]string{"f": "x"}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		header string
		want   int
	}{
		"none":           {"", http.StatusUnauthorized},
		"right password": {"Basic Ym90OnBhc3M=", http.StatusOK},
		"wrong password": {"Basic Ym90Ondyb25n", http.StatusUnauthorized},
		"right token":    {"Bearer tok", http.StatusOK},
		"wrong token":    {"Bearer pass", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.RepositoryURL("a.git")+"/info/refs?service=git-upload-pack", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", c.header)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			if response.StatusCode != c.want {
				t.Fatalf("status %d, want %d", response.StatusCode, c.want)
			}
		})
	}
}

func TestCloseKillsAHangingHookAndFreesThePort(t *testing.T) {
	s := start(t, Config{})
	if err := s.CreateRepository("a.git", "main", map[string]string{"f": "x"}); err != nil {
		t.Fatal(err)
	}
	pid := filepath.Join(t.TempDir(), "pid")
	if err := s.SetHook("a.git", "pre-receive", "echo $$ > "+pid+".new; mv "+pid+".new "+pid+"; sleep 600"); err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(t.TempDir(), "work")
	mustGit(t, t.TempDir(), "clone", "-q", s.RepositoryURL("a.git"), work)
	mustGit(t, work, "commit", "-q", "--allow-empty", "-m", "x")
	pushed := make(chan error, 1)
	go func() {
		_, err := git(t, work, "push", "-q", "origin", "main")
		pushed <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		if _, err := os.Stat(pid); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatal("the hook never ran")
		case <-time.After(5 * time.Millisecond):
		}
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-pushed; err == nil {
		t.Fatal("the push went through")
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	_ = listener.Close()
	if log, err := s.Log("a.git", "main"); err != nil || len(log) != 1 {
		t.Fatalf("log: %v %v", log, err)
	}
}

func TestStartWithoutGitSaysSo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Start(t.Context(), Config{Dir: t.TempDir()}); !errors.Is(err, ErrNoGit) {
		t.Fatalf("got %v", err)
	}
}
