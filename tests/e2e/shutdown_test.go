// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/tests/harness"
)

func TestATerminationDuringAPushLosesAndRepeatsNothing(t *testing.T) {
	each(t, func(s scenario) {
		t := s.t
		moment := newGate("/git-receive-pack", true)
		w := ready(t, s.kind, harness.Options{Git: gitserver.Config{Wrap: moment.wrap}})
		moment.armed.Store(true)
		w.Push(t, "app", "1.1.0")
		w.Do(t, "reconcile", "image", "repository", "app")
		moment.reached(t)
		updater := w.Process(harness.Updater)
		updater.Signal(t, syscall.SIGTERM)
		close(moment.open)
		if err := updater.Wait(harness.Patience); err != nil {
			t.Fatal(err)
		}
		updater.Start(t)
		w.AwaitServing(t)
		w.AwaitCondition(t, harness.Update("gitops"), harness.Want{Status: "True"})
		w.Do(t, "reconcile", "image", "update", "gitops")
		commits := w.Commits(t, "gitops.git")
		if len(commits) != 3 || !strings.Contains(w.File(t, "gitops.git", "app.yaml"), ":1.1.0 ") {
			t.Errorf("there are %d commits, want 3", len(commits))
		}
		if got, want := automation(t, w, "gitops").GetStatus().GetLastPushCommit(), commits[len(commits)-1].ID; got != want {
			t.Errorf("the last push is said to be %q, it is %s", got, want)
		}
	})
}

func TestProgramsThatCannotStartSayWhy(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
	})
	absent := filepath.Join(t.TempDir(), "absent")
	for name, c := range map[string]struct {
		program string
		args    []string
		want    string
	}{
		"port taken":           {"scanner", []string{"--listen", taken.Addr().String()}, taken.Addr().String()},
		"no such folder":       {"tidemark", []string{"up", "--listen", suite.Ports.Address(t), "--manifests", absent}, absent},
		"unknown flag":         {"resolver", []string{"--scanner", "x"}, "--scanner"},
		"beyond loopback":      {"updater", []string{"--listen", "0.0.0.0:0"}, "--tls-cert-file"},
		"unknown log format":   {"scanner", []string{"--log-format", "xml"}, "xml"},
		"an argument too much": {"resolver", []string{"now"}, "now"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{}, c.args...)
			args = append(args, "--data-dir", t.TempDir(), "--http-listen", "")
			process := harness.NewProcess(t, c.program, suite.Programs.Path(c.program), args, nil)
			process.Start(t)
			if err := process.Wait(harness.Patience); err == nil || err.Error() != "exit status 1" {
				t.Fatalf("it ended with %v, want exit status 1", err)
			}
			if said := process.Stderr.String(); !strings.Contains(said, c.want) {
				t.Errorf("it says %q, want %q in it", said, c.want)
			}
		})
	}
}
