// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

// CreateGit makes a repository with these files on main, and returns its URL.
func (w *World) CreateGit(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	if err := w.Git.CreateRepository(name, "main", files); err != nil {
		t.Fatal(err)
	}
	return w.Git.RepositoryURL(name)
}

// Push pushes tags of a repository to the registry.
func (w *World) Push(t *testing.T, repository string, tags ...string) {
	t.Helper()
	if err := w.Registry.Push(t.Context(), repository, tags...); err != nil {
		t.Fatal(err)
	}
}

// File reads a file of main.
func (w *World) File(t *testing.T, repository, path string) string {
	t.Helper()
	content, err := w.Git.ReadFile(repository, "main", path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// AwaitFile waits until a file of main contains text.
func (w *World) AwaitFile(t *testing.T, repository, path, text string) {
	t.Helper()
	Await(t, fmt.Sprintf("%q in %s of %s", text, path, repository), func(context.Context) error {
		content, err := w.Git.ReadFile(repository, "main", path)
		if err == nil && !strings.Contains(content, text) {
			err = fmt.Errorf("the file is:\n%s", content)
		}
		return err
	})
}

// Commits are those of main, oldest first.
func (w *World) Commits(t *testing.T, repository string) []gitserver.Commit {
	t.Helper()
	log, err := w.Git.Log(repository, "main")
	if err != nil {
		t.Fatal(err)
	}
	for i, j := 0, len(log)-1; i < j; i, j = i+1, j-1 {
		log[i], log[j] = log[j], log[i]
	}
	return log
}

// Change is a line that a commit replaced.
type Change struct {
	Path, Old, New string
}

// OneChange makes sure that a commit replaced one line of one file and did nothing else.
func (w *World) OneChange(t *testing.T, repository, commit string) Change {
	t.Helper()
	diff, err := w.Git.Diff(repository, commit)
	if err != nil {
		t.Fatal(err)
	}
	var c Change
	var files, removed, added int
	for line := range strings.SplitSeq(diff, "\n") {
		switch {
		case strings.HasPrefix(line, "+++ "):
			files++
			c.Path = strings.TrimPrefix(line, "+++ b/")
		case strings.HasPrefix(line, "--- "):
		case strings.HasPrefix(line, "-"):
			removed++
			c.Old = line[1:]
		case strings.HasPrefix(line, "+"):
			added++
			c.New = line[1:]
		}
	}
	if files != 1 || removed != 1 || added != 1 {
		t.Fatalf("commit %s changes %d files, %d lines away and %d in; want one each:\n%s", commit, files, removed, added, diff)
	}
	return c
}
