// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

var (
	// root is the repository's, bin the folder of the built program.
	root, bin string
	ports     harness.Ports
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		fmt.Fprintln(os.Stderr, "the pages' commands are left out with -short")
		return 0
	}
	remove, err := build(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// build builds the program, in the folder that harness.BinariesVariable names or in a temporary one.
func build(ctx context.Context) (remove func() error, err error) {
	if root, err = filepath.Abs(filepath.Join("..", "..")); err != nil {
		return nil, err
	}
	remove = func() error { return nil }
	if bin = os.Getenv(harness.BinariesVariable); bin == "" {
		if bin, err = os.MkdirTemp("", "tidemark-docs-"); err != nil {
			return nil, err
		}
		remove = func() error { return os.RemoveAll(bin) }
	} else {
		bin = filepath.Join(bin, "docs") // other packages build theirs at the same time
	}
	cmd := exec.CommandContext(ctx, "go", "-C", filepath.Join(root, "cmd", "tidemark"), "build", "-o", program(), ".") // #nosec G204 -- go itself
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build tidemark: %w\n%s", err, out)
	}
	return remove, nil
}

// program is the built program.
func program() string { return filepath.Join(bin, "tidemark") }
