// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// gitTimeout bounds every git process that is no request: local plumbing takes milliseconds.
const gitTimeout = time.Minute

// Author is who the commits made here are by, "Name <email>".
const Author = "Somebody Else <somebody@example.com>"

// Commit is one entry of a log.
type Commit struct {
	ID, Tree, Parents string // Parents: ids separated by spaces, empty for a root commit
	Author, Committer string // "Name <email>"
	Message           string // without trailing newlines
	Created           time.Time
}

var repositoryName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

// CreateRepository makes a bare repository that can be pushed to, with HEAD at branch, and commits the files
// (path to content, regular files) to it. No files: an empty repository without any commit. The name may hold
// slashes; it is the path of the URL.
func (s *Server) CreateRepository(name, branch string, files map[string]string) error {
	if !repositoryName.MatchString(name) {
		return fmt.Errorf("git server: %q cannot be a repository's name", name)
	}
	dir := s.Dir(name)
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("git server: repository %q: %w", name, os.ErrExist)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return fmt.Errorf("git server: %w", err)
	}
	if _, err := s.run("", nil, "init", "--quiet", "--bare", "-b", branch, dir); err != nil {
		return err
	}
	if _, err := s.Git(name, nil, "config", "http.receivepack", "true"); err != nil {
		return err
	}
	if len(files) == 0 {
		return nil
	}
	_, err := s.Commit(name, branch, files, "Initial commit")
	return err
}

// Commit commits files (path to content; regular files, created or replaced) on top of branch, as somebody
// else would, and returns the commit's id. A branch that does not exist is begun without a parent.
func (s *Server) Commit(repository, branch string, files map[string]string, message string) (string, error) {
	ref := "refs/heads/" + branch
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit %s\ncommitter %s now\ndata %d\n%s\n", ref, Author, len(message), message)
	if parent, err := s.Git(repository, nil, "rev-parse", "--verify", "--quiet", ref); err == nil {
		fmt.Fprintf(&in, "from %s\n", bytes.TrimSpace(parent))
	}
	paths := make([]string, 0, len(files))
	for path := range files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", quotePath(path), len(files[path]), files[path])
	}
	if _, err := s.Git(repository, in.Bytes(), "fast-import", "--quiet", "--date-format=now"); err != nil {
		return "", err
	}
	return s.Resolve(repository, ref)
}

func quotePath(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// Resolve returns the commit id that a revision (branch, tag, id) stands for.
func (s *Server) Resolve(repository, revision string) (string, error) {
	out, err := s.Git(repository, nil, "rev-parse", "--verify", "--end-of-options", revision+"^{commit}")
	return string(bytes.TrimSpace(out)), err
}

// ReadFile returns a file's content at a revision.
func (s *Server) ReadFile(repository, revision, path string) (string, error) {
	out, err := s.Git(repository, nil, "cat-file", "blob", revision+":"+path)
	return string(out), err
}

// Log lists the commits that a revision can reach, newest first.
func (s *Server) Log(repository, revision string) ([]Commit, error) {
	const format = "%H%x1f%T%x1f%P%x1f%an <%ae>%x1f%cn <%ce>%x1f%cI%x1f%B%x1e"
	out, err := s.Git(repository, nil, "log", "--format="+format, "--end-of-options", revision)
	if err != nil {
		return nil, err
	}
	var commits []Commit
	for _, record := range strings.Split(strings.TrimSpace(string(out)), "\x1e") {
		fields := strings.Split(strings.TrimLeft(record, "\n"), "\x1f")
		if len(fields) != 7 {
			continue
		}
		created, err := time.Parse(time.RFC3339, fields[5])
		if err != nil {
			return nil, fmt.Errorf("git log: %w", err)
		}
		commits = append(commits, Commit{
			ID: fields[0], Tree: fields[1], Parents: fields[2], Author: fields[3], Committer: fields[4],
			Created: created, Message: strings.TrimRight(fields[6], "\n"),
		})
	}
	return commits, nil
}

// Show prints a commit as `git show` does: headers, message and diff.
func (s *Server) Show(repository, revision string) (string, error) {
	out, err := s.Git(repository, nil, "show", "--no-color", "--end-of-options", revision)
	return string(out), err
}

// Diff is what a commit changed against its first parent, as a unified diff with no headers before it.
func (s *Server) Diff(repository, revision string) (string, error) {
	out, err := s.Git(repository, nil, "diff-tree", "-p", "--root", "--no-commit-id", "--no-color", revision)
	return string(out), err
}

// Git runs a git command in a repository, with stdin, and returns its standard output. The error holds what it
// said on standard error.
func (s *Server) Git(repository string, stdin []byte, args ...string) ([]byte, error) {
	return s.run(repository, stdin, args...)
}

func (s *Server) run(repository string, stdin []byte, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), gitTimeout)
	defer cancel()
	cmd := s.command(ctx, s.git, args...)
	if repository != "" {
		cmd.Dir = s.Dir(repository)
	}
	name, email, _ := strings.Cut(strings.TrimSuffix(Author, ">"), " <")
	cmd.Env = append(cmd.Env, "GIT_AUTHOR_NAME="+name, "GIT_AUTHOR_EMAIL="+email,
		"GIT_COMMITTER_NAME="+name, "GIT_COMMITTER_EMAIL="+email)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stderr.String())
		if said == "" {
			return nil, fmt.Errorf("git %s in %q: %w", args[0], repository, err)
		}
		return nil, fmt.Errorf("git %s in %q: %w: %s", args[0], repository, err, said)
	}
	return stdout.Bytes(), nil
}

// ErrHook is returned by SetHook for a name that is no server-side hook.
var ErrHook = errors.New("no such hook")

// serverHooks are the hooks that a push runs.
var serverHooks = []string{"pre-receive", "update", "proc-receive", "reference-transaction", "post-receive"}

// SetHook installs a shell script as a repository's hook ("pre-receive", "update", "proc-receive",
// "reference-transaction", "post-receive"); an empty script removes it.
func (s *Server) SetHook(repository, hook, script string) error {
	if !slices.Contains(serverHooks, hook) {
		return fmt.Errorf("%w: %q", ErrHook, hook)
	}
	path := filepath.Join(s.Dir(repository), "hooks", hook)
	if script == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("git server: %w", err)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("git server: %w", err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { // #nosec G306 -- a hook is a program
		return fmt.Errorf("git server: %w", err)
	}
	return nil
}
