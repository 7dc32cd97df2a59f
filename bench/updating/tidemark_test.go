// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/bench/internal/programs"
)

const (
	namespace = "flux-system"
	// settle is the programs' --settle: shorter than by default, so that the rounds can follow one another sooner. A run
	// after a quiet time does not wait for it.
	settle = 50 * time.Millisecond
	// pause is how long nothing happens before a round: the last one's records are written, and it counts as quiet.
	pause = 4 * settle
)

// updaterProcess is the updater alone, with an empty store and cache.
type updaterProcess struct {
	*programs.Process
	address string
}

func startUpdater(tb testing.TB, resolver string, env []string) *updaterProcess {
	tb.Helper()
	p := &updaterProcess{address: programs.FreeAddress(tb)}
	args := append(common(p.address, programs.FreeAddress(tb), tb.TempDir()),
		"--resolver-address", resolver, "--settle", settle.String())
	p.Process = programs.Start(tb, built.Path(tb, "updater"), args, env)
	return p
}

// common are flags that each service has.
func common(grpc, http, dir string) []string {
	return []string{"--listen", grpc, "--http-listen", http, "--data-dir", filepath.Join(dir, "data"), "--log-level", "warn"}
}

// apply applies manifests, again while the services do not answer yet.
func apply(tb testing.TB, servers []string, manifests ...string) {
	tb.Helper()
	all := strings.Join(manifests, "\n---\n")
	for late := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		cmd := exec.CommandContext(tb.Context(), built.Path(tb, "tidemark"), append([]string{"apply", "-f", "-"}, servers...)...)
		cmd.Stdin = strings.NewReader(all)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return
		}
		if time.Now().After(late) {
			tb.Fatalf("applying: %v\n%s\n%s", err, out, all)
		}
	}
}

func sourceManifest(name, url string) string {
	return fmt.Sprintf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: %s}
spec:
  url: %s
  interval: 1h
  timeout: 5m
  ref: {branch: %s}
`, name, url, branch)
}

func updateManifest(name string) string {
	return fmt.Sprintf(`apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: %[1]s}
spec:
  sourceRef: {kind: GitRepository, name: %[1]s}
  interval: 1h
  git:
    commit:
      author: {name: Tidemark, email: tidemark@example.com}
`, name)
}
