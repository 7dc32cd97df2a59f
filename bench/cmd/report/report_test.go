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
pkg: example.com/bench/scanning
BenchmarkSpeed-2   	       1	      1234567 raw-repos/s	         0.4512 first/raw
PASS
ok  	example.com/bench/scanning	3.2s
?   	example.com/bench	[no test files]
`
	var out, rest strings.Builder
	if err := run(strings.NewReader(in), &out, &rest); err != nil {
		t.Fatal(err)
	}
	want := `goos: linux, cpu: Some CPU

## Speed-2

example.com/bench/scanning

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
