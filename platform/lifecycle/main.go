// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main runs a program: its context ends at SIGINT or SIGTERM, a second signal kills, and an error is printed to stderr
// and makes the exit code 1. It does not return.
func Main(run func(ctx context.Context) error) {
	os.Exit(exitCode(run, os.Stderr))
}

func exitCode(run func(ctx context.Context) error, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on the default again: a second signal kills
	if err := run(ctx); err != nil {
		_, _ = fmt.Fprintln(stderr, "error:", err) // nowhere is left to report a failure to
		return 1
	}
	return 0
}
