// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shownLines is how much of a failed test's processes' output is shown.
const shownLines = 80

// Process is one program that can be started again and again, with the same flags and folders. Its methods are for the
// test's goroutine.
type Process struct {
	// Name is the program's name in logs.
	Name string
	// Stdout and Stderr are what all its lives have written.
	Stdout, Stderr Output

	path    string
	args    []string
	env     []string
	running *exec.Cmd
	ended   chan ending
}

// ending is how a life of a process ended.
type ending struct{ err error }

// NewProcess describes a process. env is added to a small environment of its own: nothing of the user's reaches it but
// PATH and HOME. It is killed at the test's end if it still runs.
func NewProcess(t *testing.T, name, path string, args, env []string) *Process {
	t.Helper()
	p := &Process{Name: name, path: path, args: args, env: append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(),
	}, env...)}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
		// Programs that were built with the race detector (GOFLAGS=-race) tell of what they find, and run on.
		if strings.Contains(p.Stderr.String(), "WARNING: DATA RACE") {
			t.Errorf("%s has a data race:\n%s", p.Name, p.Stderr.String())
		}
		if t.Failed() {
			t.Logf("%s %q wrote:\n%s%s", p.Name, p.args, p.Stdout.Tail(shownLines), p.Stderr.Tail(shownLines))
		}
	})
	return p
}

// Start starts the process, which must not run.
func (p *Process) Start(t *testing.T) {
	t.Helper()
	if p.running != nil {
		t.Fatalf("%s runs already", p.Name)
	}
	cmd := exec.Command(p.path, p.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, &p.Stdout, &p.Stderr
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.Name, err)
	}
	p.running, p.ended = cmd, make(chan ending, 1)
	ended := p.ended
	go func() { ended <- ending{cmd.Wait()} }()
}

// Stop asks the process to end (SIGTERM) and waits; its exit code must be 0.
func (p *Process) Stop(t *testing.T) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	if err := p.Wait(Patience); err != nil {
		t.Errorf("stop %s: %v", p.Name, err)
	}
}

// Signal sends a signal to the running process.
func (p *Process) Signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if p.running == nil {
		t.Fatalf("%s does not run", p.Name)
	}
	if err := p.running.Process.Signal(signal); err != nil {
		t.Fatalf("signal %s: %v", p.Name, err)
	}
}

// Wait waits until the process ends by itself. The error says that it did not, or with what exit code it did.
func (p *Process) Wait(patience time.Duration) error {
	if p.running == nil {
		return fmt.Errorf("%s does not run", p.Name)
	}
	select {
	case end := <-p.ended:
		p.running = nil
		return end.err
	case <-time.After(patience):
		return fmt.Errorf("%s still runs after %s", p.Name, patience)
	}
}

// Kill ends the process as a power cut would (SIGKILL). One that does not run is left alone.
func (p *Process) Kill() error {
	if p.running == nil {
		return nil
	}
	if err := p.running.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.Name, err)
	}
	select {
	case <-p.ended: // how it ended is no news
	case <-time.After(Patience):
		return fmt.Errorf("%s still runs %s after it was killed", p.Name, Patience)
	}
	p.running = nil
	return nil
}

// PeakMemory is the most memory that the running process had so far, in bytes; 0 where the system does not say.
func (p *Process) PeakMemory() int64 {
	if p.running == nil {
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.running.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if size, found := strings.CutPrefix(line, "VmHWM:"); found {
			var kilobytes int64
			if _, err := fmt.Sscan(size, &kilobytes); err == nil {
				return kilobytes << 10
			}
		}
	}
	return 0
}

// Gone returns an error when the process has ended and nobody asked for that.
func (p *Process) Gone() error {
	if p.running == nil {
		return nil
	}
	select {
	case end := <-p.ended:
		p.ended <- end
		return fmt.Errorf("%s has ended by itself: %w", p.Name, errors.Join(end.err, errors.New(p.Stderr.Tail(5))))
	default:
		return nil
	}
}
