// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package programs

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopPatience is how long a process may take to end in good order.
const stopPatience = 20 * time.Second

// Process is a program that runs until the benchmark ends, or until Stop.
type Process struct {
	name   string
	cmd    *exec.Cmd
	output output
	ended  chan error
	once   sync.Once
}

// Start starts a program with these flags, and little environment but what env adds. The benchmark's end stops it.
func Start(tb testing.TB, path string, args, env []string) *Process {
	tb.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), path, args...) // #nosec G204 -- a program of this tree
	p := &Process{name: path, cmd: cmd, ended: make(chan error, 1)}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + tb.TempDir(), "TMPDIR=" + tb.TempDir()}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		tb.Fatalf("starting %s: %v", path, err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	tb.Cleanup(func() {
		p.Stop(tb)
		if tb.Failed() {
			tb.Logf("%s %q wrote:\n%s", path, args, p.output.String())
		}
	})
	return p
}

// Stop asks the process to end and waits for it. A second Stop does nothing.
func (p *Process) Stop(tb testing.TB) {
	tb.Helper()
	p.once.Do(func() {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			tb.Errorf("stopping %s: %v", p.name, err)
		}
		select {
		case err := <-p.ended:
			if err != nil {
				tb.Errorf("%s ended with %v", p.name, err)
			}
		case <-time.After(stopPatience):
			tb.Errorf("%s still runs %s after it was asked to end", p.name, stopPatience)
			if err := p.cmd.Process.Kill(); err != nil {
				tb.Error(err)
			}
		}
	})
}

// Pid is the process's number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// FreeAddress is an address of loopback that nobody listens on.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it listens at once or fails
	if err != nil {
		tb.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		tb.Fatal(err)
	}
	return address
}

// output keeps the last of what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const kept = 16 << 10

// Write adds text.
func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() > 2*kept {
		o.text.Next(o.text.Len() - kept)
	}
	return o.text.Write(text)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(o.text.String())
}
