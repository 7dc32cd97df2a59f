// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"os"
	"strconv"
	"testing"

	"github.com/tidemark-io/tidemark/bench/internal/programs"
)

const (
	// filesVariable and roundsVariable make a benchmark smaller.
	filesVariable  = "BENCH_FILES"
	roundsVariable = "BENCH_ROUNDS"
	// stepsVariable, when it is not empty, has the programs export traces, and a benchmark log what their steps took.
	stepsVariable = "BENCH_STEPS"
)

// fullFiles is the number of YAML files in the large repository.
const fullFiles = 20_000

// built are the programs that the benchmarks of this package share.
var built programs.Set

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

// large is the size of the large repository, or what the environment makes of it, with these markers in proportion.
func large(tb testing.TB, marked, policies int) size {
	tb.Helper()
	files := number(tb, filesVariable, fullFiles)
	share := func(n int) int { return max(1, n*files/fullFiles) }
	return size{files: files, marked: share(marked), policies: share(policies)}
}
