// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package programs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// FolderVariable names a folder that keeps the built programs between runs: Go then links only what has changed. Empty: a
// temporary folder, which lasts as long as the benchmark.
const FolderVariable = "BENCH_BIN"

// Set are the programs of one test binary, each built when it is asked for first. The zero value is ready.
type Set struct {
	mu    sync.Mutex
	dir   string
	built map[string]string
}

// Remove removes the programs, unless their folder is meant to stay.
func (s *Set) Remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" || s.dir == os.Getenv(FolderVariable) {
		return nil
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("removing the built programs: %w", err)
	}
	return nil
}

// Path is where a program is: "tidemark", "scanner", "resolver" or "updater".
func (s *Set) Path(tb testing.TB, name string) string {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if path, ok := s.built[name]; ok {
		return path
	}
	path, err := s.build(context.WithoutCancel(tb.Context()), name)
	if err != nil {
		tb.Fatal(err)
	}
	if s.built == nil {
		s.built = map[string]string{}
	}
	s.built[name] = path
	return path
}

func (s *Set) build(ctx context.Context, name string) (string, error) {
	if s.dir == "" {
		if s.dir = os.Getenv(FolderVariable); s.dir == "" {
			var err error
			if s.dir, err = os.MkdirTemp("", "tidemark-bench-"); err != nil {
				return "", fmt.Errorf("building the programs: %w", err)
			}
		}
	}
	root, err := workspace()
	if err != nil {
		return "", err
	}
	pkg := "./" + name + "/cmd/" + name
	if name == "tidemark" {
		pkg = "./cmd/tidemark"
	}
	path := filepath.Join(s.dir, name)
	cmd := exec.CommandContext(ctx, "go", "-C", root, "build", "-trimpath", "-o", path, pkg) // #nosec G204 -- a program of this tree
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// workspace is the nearest folder above the working one that holds the workspace file.
func workspace() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the workspace: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("finding the workspace: no go.work in any folder above")
		}
		dir = parent
	}
}
