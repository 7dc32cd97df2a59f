// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Result is how a command ended.
type Result struct {
	Out, Err string
	Code     int
}

// Lines are the lines of standard output.
func (r Result) Lines() []string { return strings.Split(strings.TrimRight(r.Out, "\n"), "\n") }

// Run runs a command to its end, with this standard input and little environment.
func Run(t *testing.T, stdin, path string, args ...string) Result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "TZ=UTC"}
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	result := Result{Out: out.String(), Err: errs.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		result.Code = exit.ExitCode()
	case err != nil:
		t.Fatalf("run %s %q: %v", path, args, err)
	}
	return result
}

// CLI runs tidemark against the world's services.
func (w *World) CLI(t *testing.T, args ...string) Result {
	t.Helper()
	return w.CLIWith(t, "", args...)
}

// CLIWith is CLI with a standard input.
func (w *World) CLIWith(t *testing.T, stdin string, args ...string) Result {
	t.Helper()
	return Run(t, stdin, w.Suite.Programs.Path("tidemark"), append(args, w.ServerFlags()...)...)
}

// Do runs tidemark, which must succeed, and returns its standard output.
func (w *World) Do(t *testing.T, args ...string) string {
	t.Helper()
	result := w.CLI(t, args...)
	if result.Code != 0 {
		t.Fatalf("tidemark %q ended with %d:\n%s%s", args, result.Code, result.Out, result.Err)
	}
	return result.Out
}

// Apply applies manifests with tidemark, which must succeed.
func (w *World) Apply(t *testing.T, manifests ...string) {
	t.Helper()
	all := strings.Join(manifests, "\n---\n")
	if result := w.CLIWith(t, all, "apply", "-f", "-"); result.Code != 0 {
		t.Fatalf("tidemark apply ended with %d:\n%s%s\n%s", result.Code, result.Out, result.Err, all)
	}
}

// Grpcurl runs grpcurl against a service in plain text; the address stands before what.
func (w *World) Grpcurl(t *testing.T, service Service, flags []string, what ...string) Result {
	t.Helper()
	args := append([]string{"-plaintext", "-max-time", "20"}, flags...)
	return Run(t, "", w.Suite.Programs.Path("grpcurl"), append(append(args, w.Address(service)), what...)...)
}

// AwaitLine waits until a command of the CLI succeeds and prints text.
func (w *World) AwaitLine(t *testing.T, text string, args ...string) {
	t.Helper()
	Await(t, text+" in tidemark "+strings.Join(args, " "), func(context.Context) error {
		result := w.CLI(t, args...)
		if result.Code != 0 || !strings.Contains(result.Out, text) {
			return fmt.Errorf("exit code %d and\n%s%s", result.Code, result.Out, result.Err)
		}
		return nil
	})
}
