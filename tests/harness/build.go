// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// BinariesVariable names a folder that keeps the built programs between runs: Go then links only what has changed.
// Empty: a temporary folder, removed after the run.
const BinariesVariable = "TIDEMARK_E2E_BIN"

// Programs are the built programs of one test run.
type Programs struct {
	// Root is the repository's root folder.
	Root string

	dir       string
	temporary bool
}

// program is one to build: the folder of its module, and its package there.
type program struct {
	name, module, pkg string
	// alone: the module is in no workspace.
	alone bool
}

func programs() []program {
	return []program{
		{name: "tidemark", module: "cmd/tidemark", pkg: "."},
		{name: "scanner", module: "scanner", pkg: "./cmd/scanner"},
		{name: "resolver", module: "resolver", pkg: "./cmd/resolver"},
		{name: "updater", module: "updater", pkg: "./cmd/updater"},
		{name: "grpcurl", module: "tools/grpcurl", pkg: "github.com/fullstorydev/grpcurl/cmd/grpcurl", alone: true},
	}
}

// Build builds the programs and grpcurl from the tree that the test runs in. Call Remove when the run is over.
func Build(ctx context.Context) (*Programs, error) {
	root, err := repositoryRoot()
	if err != nil {
		return nil, err
	}
	p := &Programs{Root: root, dir: os.Getenv(BinariesVariable)}
	if p.dir == "" {
		p.temporary = true
		if p.dir, err = os.MkdirTemp("", "tidemark-e2e-"); err != nil {
			return nil, fmt.Errorf("build: %w", err)
		}
	}
	for _, each := range programs() {
		if err := p.build(ctx, each); err != nil {
			return nil, errors.Join(err, p.Remove())
		}
	}
	return p, nil
}

func (p *Programs) build(ctx context.Context, each program) error {
	cmd := exec.CommandContext(ctx, "go", "-C", filepath.Join(p.Root, each.module), "build", "-o", p.Path(each.name), each.pkg)
	cmd.Env = os.Environ()
	if each.alone {
		cmd.Env = append(cmd.Env, "GOWORK=off")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", each.name, err, out)
	}
	return nil
}

// Path is where a program is: "tidemark", "scanner", "resolver", "updater" or "grpcurl".
func (p *Programs) Path(name string) string { return filepath.Join(p.dir, name) }

// Remove removes the programs, unless the folder is meant to stay.
func (p *Programs) Remove() error {
	if !p.temporary {
		return nil
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return fmt.Errorf("remove the built programs: %w", err)
	}
	return nil
}

// repositoryRoot is the nearest folder above the working one that holds the workspace file.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir || strings.TrimSpace(parent) == "" {
			return "", errors.New("find the repository: no go.work in any folder above")
		}
		dir = parent
	}
}
