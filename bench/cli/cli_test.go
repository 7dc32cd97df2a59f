// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/bench/internal/programs"
)

const (
	// roundsVariable makes the benchmark shorter.
	roundsVariable = "BENCH_ROUNDS"
	fullRounds     = 60
	// policies is how many the question's answer shows.
	policies = 20
	patience = time.Minute
)

var built programs.Set

func TestMain(m *testing.M) {
	code := m.Run()
	if err := built.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// BenchmarkCommand runs these commands, one after the other, many times:
//
//	true     the system's true: what a process costs
//	version  tidemark version: the program's start
//	get      tidemark get image policy, of 20 policies, from `tidemark up` on loopback
//
// server-ms is the difference of get and version: the connection, the question and its answer.
func BenchmarkCommand(b *testing.B) {
	server := startServer(b)
	var v commands
	for b.Loop() {
		for range rounds(b) {
			v.round(b, server)
		}
	}
	v.report(b)
}

type commands struct{ nothing, version, get []time.Duration }

func (v *commands) round(tb testing.TB, server string) {
	tb.Helper()
	tidemark := built.Path(tb, "tidemark")
	v.nothing = append(v.nothing, run(tb, "", "true"))
	v.version = append(v.version, run(tb, "tidemark", tidemark, "version"))
	v.get = append(v.get, run(tb, "policy-019", tidemark, "get", "image", "policy", "--server", server))
}

// run is how long a command takes, whose output has to hold something.
func run(tb testing.TB, want, path string, args ...string) time.Duration {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), path, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil || !strings.Contains(string(out), want) {
		tb.Fatalf("%s %q: %v\n%s", path, args, err, out)
	}
	return took
}

func startServer(tb testing.TB) string {
	tb.Helper()
	address := programs.FreeAddress(tb)
	programs.Start(tb, built.Path(tb, "tidemark"), []string{
		"up", "--listen", address, "--http-listen", programs.FreeAddress(tb), "--hook-listen", "", "--log-level", "error",
		"--data-dir", filepath.Join(tb.TempDir(), "data"),
	}, nil)
	for late := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		cmd := exec.CommandContext(tb.Context(), built.Path(tb, "tidemark"), "apply", "--server", address, "-f", "-")
		cmd.Stdin = strings.NewReader(manifests())
		out, err := cmd.CombinedOutput()
		if err == nil {
			return address
		}
		if time.Now().After(late) {
			tb.Fatalf("applying: %v\n%s", err, out)
		}
	}
}

func manifests() string {
	var text strings.Builder
	for i := range policies {
		fmt.Fprintf(&text, `---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: policy-%03d}
spec:
  imageRepositoryRef: {name: absent}
  policy: {semver: {range: 1.x}}
`, i)
	}
	return text.String()
}

func rounds(tb testing.TB) int {
	tb.Helper()
	text := os.Getenv(roundsVariable)
	if text == "" {
		return fullRounds
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		tb.Fatalf("%s=%q is no positive number", roundsVariable, text)
	}
	return n
}

// quantile is the time that a share of the rounds did not exceed, in milliseconds.
func quantile(all []time.Duration, share float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return float64(sorted[int(share*float64(len(sorted)-1)+0.5)]) / float64(time.Millisecond)
}

func (v *commands) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // a round's time says nothing
	for name, all := range map[string][]time.Duration{"true": v.nothing, "version": v.version, "get": v.get} {
		b.ReportMetric(quantile(all, 0.5), name+"-median-ms")
		b.ReportMetric(quantile(all, 0.9), name+"-p90-ms")
	}
	b.ReportMetric(quantile(v.get, 0.5)-quantile(v.version, 0.5), "server-ms")
	b.ReportMetric(quantile(v.version, 0.5)/quantile(v.nothing, 0.5), "version/true")
}

func TestEachCommandIsMeasuredAndAnswers(t *testing.T) {
	var v commands
	v.round(t, startServer(t))
	if v.nothing[0] <= 0 || v.version[0] <= 0 || v.get[0] <= 0 {
		t.Errorf("a command took no time: %+v", v)
	}
}
