// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strings"
	"testing"
)

func TestMetricsBecomeATable(t *testing.T) {
	in := `goos: linux
cpu: Some CPU
pkg: github.com/tidemark-io/tidemark/bench/scanning
BenchmarkSpeed-2   	       1	      1234567 raw-repos/s	         0.4512 first/raw
PASS
ok  	github.com/tidemark-io/tidemark/bench/scanning	3.2s
?   	github.com/tidemark-io/tidemark/bench	[no test files]
`
	var out, rest strings.Builder
	if err := run(strings.NewReader(in), &out, &rest); err != nil {
		t.Fatal(err)
	}
	want := `goos: linux, cpu: Some CPU

## scanning

github.com/tidemark-io/tidemark/bench/scanning

### Speed-2

| metric      |     value |
| ----------- | --------: |
| raw-repos/s | 1,234,567 |
| first/raw   |     0.451 |
`
	if out.String() != want {
		t.Errorf("report:\n%s\nwant:\n%s", out.String(), want)
	}
	if rest.Len() != 0 {
		t.Errorf("passed on: %q", rest.String())
	}
}

func TestSeveralRunsShowTheMedianAndTheRange(t *testing.T) {
	in := "BenchmarkA 1 3 x\nBenchmarkA 1 1 x\nBenchmarkA 1 200 x\n"
	var out, rest strings.Builder
	if err := run(strings.NewReader(in), &out, &rest); err != nil {
		t.Fatal(err)
	}
	if want := "3 (1 to 200)"; !strings.Contains(out.String(), want) {
		t.Errorf("report:\n%s\nwant %q in it", out.String(), want)
	}
}

func TestAFailureIsPassedOnAndIsAnError(t *testing.T) {
	in := "BenchmarkA 1 3 x\n    a_test.go:7: broken\n--- FAIL: BenchmarkB\nFAIL\n"
	var out, rest strings.Builder
	if err := run(strings.NewReader(in), &out, &rest); !errors.Is(err, errFailed) {
		t.Errorf("error = %v, want %v", err, errFailed)
	}
	if !strings.Contains(rest.String(), "a_test.go:7: broken") {
		t.Errorf("passed on: %q", rest.String())
	}
}

func TestNoBenchmarkIsAnError(t *testing.T) {
	var out, rest strings.Builder
	if err := run(strings.NewReader("PASS\n"), &out, &rest); !errors.Is(err, errEmpty) {
		t.Errorf("error = %v, want %v", err, errEmpty)
	}
}

func TestFigures(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 0.4512: "0.451", 12.34: "12.3", 99.94: "99.9", 100: "100", 1234.5: "1,234", 1e7: "10,000,000", -4321: "-4,321",
	} {
		if got := figure(value); got != want {
			t.Errorf("figure(%v) = %q, want %q", value, got, want)
		}
	}
}

func TestGoalsStandBesideWhatWasMeasured(t *testing.T) {
	in := "pkg: github.com/tidemark-io/tidemark/bench/updating\n" +
		"BenchmarkSteadyState/one-file-2 1 250 busy/go-git 20 busy/git 3 other\n" +
		"BenchmarkLoop/up/one-file-16 1 99 webhook-median-ms\n"
	var out, rest strings.Builder
	if err := run(strings.NewReader(in), &out, &rest); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## updating\n", "### SteadyState/one-file-2\n", "### Loop/up/one-file-16\n",
		"| busy/go-git |   250 | at least 200: met    |\n",
		"| busy/git    |    20 | at least 25: not met |\n",
		"| other       |     3 |                      |\n",
		"| webhook-median-ms |    99 | at most 100 (Flux: 200): met |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report:\n%s\nwant %q in it", out.String(), want)
		}
	}
	if strings.Count(out.String(), "## updating") != 1 {
		t.Errorf("a package has several sections:\n%s", out.String())
	}
}

func TestAServicesOwnBenchmarksAreItsSection(t *testing.T) {
	b := benchmark{pkg: "github.com/tidemark-io/tidemark/resolver/internal/benchmarks"}
	if b.area() != "resolver" {
		t.Errorf("the section is %q", b.area())
	}
}
