// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package cli is the `tidemark` command: it puts the verbs together, runs the one that is asked for, and writes its error,
// once. Each verb has a package of its own below.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/completion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// Main runs the command that the program was started with, and returns its exit code: 0, or 1 whenever something failed;
// a few verbs have further ones when asked for them.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on the default again: a second signal kills
	return Run(ctx, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Getenv)
}

// Streams are a command's standard streams: results go to Out, all else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run runs one command in this process, and returns its exit code.
func Run(ctx context.Context, args []string, streams Streams, getenv func(string) string) int {
	noColour := false
	environment := func(name string) string {
		if name == "NO_COLOR" && noColour {
			return "1"
		}
		return getenv(name)
	}
	servers := connection.New(environment)
	root := command(servers, environment) //nolint:contextcheck // Cobra hands the context to the verb that runs.
	root.PersistentFlags().BoolVar(&noColour, "no-color", false, "no colours, also on a terminal (env NO_COLOR)")
	if completion.Asked(args) {
		if err := completion.Attach(root, servers); err != nil { //nolint:contextcheck // Cobra hands it the context as well.
			return 1 // a shell asks: there is nobody to tell
		}
	}
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	progress := terminal.New(streams.Err)
	err := root.ExecuteContext(ctx)
	if closing := servers.Close(); err == nil {
		err = closing
	}
	if err == nil {
		return 0
	}
	progress.Errors(err)
	if code, ok := errors.AsType[terminal.ExitError](err); ok {
		return int(code)
	}
	return 1
}
