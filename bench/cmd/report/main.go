// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Command report reads what `go test -bench` prints and writes it as Markdown: the machine, then a table for each
// benchmark, a line for each metric. A benchmark that ran several times (-count) shows the median, and the least and the
// greatest beside it. What it does not know (log lines, failures) goes to standard error as it is. It exits with 1 where
// the input tells of a failure, or of no benchmark at all: behind a pipe nobody else would notice.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

var (
	errFailed = errors.New("a benchmark failed")
	errEmpty  = errors.New("no benchmark ran")
)

func run(in io.Reader, out, rest io.Writer) error {
	results, err := read(in, rest)
	if err != nil {
		return err
	}
	if err := results.write(out); err != nil {
		return err
	}
	switch {
	case results.failed:
		return errFailed
	case len(results.benchmarks) == 0:
		return errEmpty
	default:
		return nil
	}
}
