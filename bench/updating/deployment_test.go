// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"sync"
	"testing"

	"github.com/tidemark-io/tidemark/bench/internal/programs"
)

// deployment is Tidemark, running.
type deployment struct {
	processes                   []*programs.Process
	scannerAddress, hookAddress string
	// servers are the CLI's flags.
	servers []string
	steps   *steps
	// calls are those under way.
	calls sync.WaitGroup
}

// deploymentKind is one way to run it.
type deploymentKind struct {
	name  string
	start func(tb testing.TB, secrets string) *deployment
}

func deployments() []deploymentKind { return []deploymentKind{{"up", startUp}, {"trio", startTrio}} }

// startUp runs the three services in one process.
func startUp(tb testing.TB, secrets string) *deployment {
	tb.Helper()
	grpc, hook := programs.FreeAddress(tb), programs.FreeAddress(tb)
	d := &deployment{scannerAddress: grpc, hookAddress: hook, servers: []string{"--server", grpc}, steps: startSteps(tb)}
	d.run(tb, "tidemark", append([]string{"up", "--hook-listen", hook, "--settle", settle.String()}, d.flags(tb, grpc, secrets)...))
	return d
}

// startTrio runs three processes that talk over TCP.
func startTrio(tb testing.TB, secrets string) *deployment {
	tb.Helper()
	scanner, resolver, updater := programs.FreeAddress(tb), programs.FreeAddress(tb), programs.FreeAddress(tb)
	d := &deployment{
		scannerAddress: scanner, hookAddress: programs.FreeAddress(tb), steps: startSteps(tb),
		servers: []string{"--scanner-server", scanner, "--resolver-server", resolver, "--updater-server", updater},
	}
	d.run(tb, "scanner", append(d.flags(tb, scanner, secrets), "--hook-listen", d.hookAddress))
	d.run(tb, "resolver", append(d.flags(tb, resolver, secrets), "--scanner-address", scanner))
	d.run(tb, "updater", append(d.flags(tb, updater, secrets), "--resolver-address", resolver, "--settle", settle.String()))
	return d
}

func (d *deployment) flags(tb testing.TB, grpc, secrets string) []string {
	tb.Helper()
	return append(common(grpc, programs.FreeAddress(tb), tb.TempDir()), "--secrets-dir", secrets)
}

func (d *deployment) run(tb testing.TB, name string, args []string) {
	tb.Helper()
	d.processes = append(d.processes, programs.Start(tb, built.Path(tb, name), args, d.steps.env()))
}

// peak is the most memory that the process with the updater had, in bytes: it is the last.
func (d *deployment) peak() uint64 { return d.processes[len(d.processes)-1].Memory().Peak }

// stop waits for the calls, and stops the processes, downstream first.
func (d *deployment) stop(tb testing.TB) {
	tb.Helper()
	d.calls.Wait()
	for i := len(d.processes) - 1; i >= 0; i-- {
		d.processes[i].Stop(tb)
	}
}
