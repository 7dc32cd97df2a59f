// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// results are what a run of `go test -bench` found.
type results struct {
	// machine are the lines `goos`, `goarch` and `cpu`, each once.
	machine    []string
	benchmarks []*benchmark
	failed     bool
}

// benchmark is one, with the metrics in the order in which they were printed first.
type benchmark struct {
	name, pkg string
	units     []string
	values    map[string][]float64
}

// read reads the output to its end, and passes on to rest what is no result.
func read(in io.Reader, rest io.Writer) (*results, error) {
	found := &results{}
	pkg := ""
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case key == "pkg":
			pkg = value
			continue
		case key == "goos" || key == "goarch" || key == "cpu":
			found.describe(line)
			continue
		case found.take(pkg, line), line == "PASS", strings.HasPrefix(line, "ok "), strings.HasSuffix(line, "[no test files]"):
			continue
		}
		found.failed = found.failed || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "--- FAIL")
		if _, err := fmt.Fprintln(rest, line); err != nil {
			return nil, fmt.Errorf("passing a line on: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the benchmarks' output: %w", err)
	}
	return found, nil
}

func (r *results) describe(line string) {
	for _, known := range r.machine {
		if known == line {
			return
		}
	}
	r.machine = append(r.machine, line)
}

// take takes a line of a benchmark: its name, the number of rounds, and pairs of value and unit. It says whether the line
// was one.
func (r *results) take(pkg, line string) bool {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 || !strings.HasPrefix(fields[0], "Benchmark") {
		return false
	}
	if _, err := strconv.Atoi(fields[1]); err != nil {
		return false
	}
	values := make(map[string]float64, len(fields)/2)
	var units []string
	for i := 2; i < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return false
		}
		values[fields[i+1]] = value
		units = append(units, fields[i+1])
	}
	b := r.benchmark(strings.TrimPrefix(fields[0], "Benchmark"), pkg)
	for _, unit := range units {
		if len(b.values[unit]) == 0 {
			b.units = append(b.units, unit)
		}
		b.values[unit] = append(b.values[unit], values[unit])
	}
	return true
}

func (r *results) benchmark(name, pkg string) *benchmark {
	for _, b := range r.benchmarks {
		if b.name == name && b.pkg == pkg {
			return b
		}
	}
	b := &benchmark{name: name, pkg: pkg, values: map[string][]float64{}}
	r.benchmarks = append(r.benchmarks, b)
	return b
}
