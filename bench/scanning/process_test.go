// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanning

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/platform/store"
)

// storeVariable tells this program that it is the scanner of a benchmark, with its store in the folder that it names.
const storeVariable = "BENCH_SCANNER_STORE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(storeVariable); dir != "" {
		if err := serve(dir, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve runs a scanner until the input ends. Its first line of output is its address. Each line of input asks for a
// measurement, which is a line of JSON; a line that is not empty names a file that a heap profile is written to as well.
func serve(dir string, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stopProfile, err := profileCPU(os.Getenv(profilesVariable))
	if err != nil {
		return err
	}
	lines := make(chan string)
	go func() {
		defer cancel()
		for input := bufio.NewScanner(in); input.Scan(); {
			lines <- input.Text()
		}
	}()
	announce := func(address string) { _, _ = fmt.Fprintln(out, address) } // who does not read it waits in vain
	err = newProgram(dir, announce, func(ctx context.Context, st *store.Store) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case profile := <-lines:
				if err := answer(ctx, st, profile, out); err != nil {
					return err
				}
			}
		}
	}).Run(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, stopProfile())
}

// profileCPU profiles this process into the folder until stop is called; an empty folder: it does not.
func profileCPU(folder string) (stop func() error, err error) {
	if folder == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(filepath.Join(folder, "cpu.pprof"))
	if err != nil {
		return nil, fmt.Errorf("writing a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("profiling: %w", err), file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}

func answer(ctx context.Context, st *store.Store, profile string, out io.Writer) error {
	m, err := measure(ctx, st)
	if err != nil {
		return err
	}
	if profile != "" {
		if err := writeProfile(profile); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(out).Encode(m); err != nil {
		return fmt.Errorf("answering: %w", err)
	}
	return nil
}

func writeProfile(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing a profile: %w", err)
	}
	return errors.Join(pprof.Lookup("heap").WriteTo(file, 0), file.Close())
}

// process is a scanner that runs alone in a process, so that its memory is nobody else's.
type process struct {
	client
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// startProcess starts this program again as a scanner, with an empty store. It ends with the benchmark, or when this
// process does: then its input ends.
func startProcess(tb testing.TB) *process {
	tb.Helper()
	own, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(own)
	cmd.Env, cmd.Stderr = append(os.Environ(), storeVariable+"="+tb.TempDir()), os.Stderr
	p := &process{}
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	p.stdout = bufio.NewReader(stdout)
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(p.stdin.Close(), cmd.Wait()); err != nil {
			tb.Errorf("the scanner ended with %v", err)
		}
	})
	var closeConn func()
	p.client, closeConn = connect(tb, strings.TrimSpace(p.line(tb)))
	tb.Cleanup(closeConn)
	return p
}

// measure asks the process what it takes, and for a heap profile where the environment has a folder for it.
func (p *process) measure(tb testing.TB, name string) measurement {
	tb.Helper()
	profile := os.Getenv(profilesVariable)
	if profile != "" {
		profile = filepath.Join(profile, name+".pprof")
	}
	if _, err := fmt.Fprintln(p.stdin, profile); err != nil {
		tb.Fatal(err)
	}
	var m measurement
	if err := json.Unmarshal([]byte(p.line(tb)), &m); err != nil {
		tb.Fatal(err)
	}
	return m
}

func (p *process) line(tb testing.TB) string {
	tb.Helper()
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		tb.Fatalf("the scanner does not answer: %v", err)
	}
	return line
}
