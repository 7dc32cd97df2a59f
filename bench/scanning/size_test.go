// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanning

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

const (
	// repositoriesVariable and tagsVariable make a benchmark smaller; the second is for the memory alone.
	repositoriesVariable = "BENCH_REPOSITORIES"
	tagsVariable         = "BENCH_TAGS"
	// profilesVariable names a folder for a CPU profile of a scanner's process, and its heap's at each
	// measurement. Empty: none are written.
	profilesVariable = "BENCH_PROFILES"
)

// concurrency is how many requests the clients of the benchmarks have under way at once: as many as the scanner has scans.
const concurrency = 8

// size is how much a benchmark handles.
type size struct{ repositories, tags int }

func (s size) total() int { return s.repositories * s.tags }

// sized is the full size, or what the environment makes of it.
func sized(tb testing.TB, full size) size {
	tb.Helper()
	return size{
		repositories: number(tb, repositoriesVariable, full.repositories),
		tags:         number(tb, tagsVariable, full.tags),
	}
}

func number(tb testing.TB, variable string, otherwise int) int {
	tb.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		tb.Fatalf("%s=%q is no positive number", variable, text)
	}
	return n
}

func repositoryName(i int) string { return fmt.Sprintf("repository-%04d", i) }

// timed is how long a step took.
func timed(step func()) time.Duration {
	began := time.Now()
	step()
	return time.Since(began)
}

// perSecond is the rate of n things in a time.
func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }
