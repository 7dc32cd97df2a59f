// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Clone is somebody's work tree of a repository, with git's own command line.
type Clone struct {
	// Dir is the work tree.
	Dir string
	who string
}

// Clone clones a repository of the world's Git server as somebody else would, who commits under that name.
func (w *World) Clone(t *testing.T, repository, who string) *Clone {
	t.Helper()
	c := &Clone{Dir: filepath.Join(t.TempDir(), "clone"), who: who}
	if _, err := c.run(t.Context(), "", "clone", "-q", w.Git.RepositoryURL(repository), c.Dir); err != nil {
		t.Fatal(err)
	}
	return c
}

// Git runs a git command in the work tree, which must succeed, and returns what it prints.
func (c *Clone) Git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.TryGit(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryGit is Git for commands that may fail, and for goroutines. The error has what git says.
func (c *Clone) TryGit(ctx context.Context, args ...string) (string, error) {
	return c.run(ctx, c.Dir, args...)
}

// Write writes a file of the work tree.
func (c *Clone) Write(name, content string) error {
	path := filepath.Join(c.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (c *Clone) run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=" + c.who, "GIT_AUTHOR_EMAIL=" + c.who + "@example.com",
		"GIT_COMMITTER_NAME=" + c.who, "GIT_COMMITTER_EMAIL=" + c.who + "@example.com",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
