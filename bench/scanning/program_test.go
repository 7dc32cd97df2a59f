// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanning

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"github.com/tidemark-io/tidemark/platform/config"
	"github.com/tidemark-io/tidemark/platform/dial"
	"github.com/tidemark-io/tidemark/platform/program"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/scanner"
)

// newProgram is the scanner as its own program has it, with a store in dir that syncs what it writes; but it takes a free
// port, and logs no more than warnings. More parts run beside the service; they are given the store.
func newProgram(dir string, serving func(address string), beside ...func(ctx context.Context, st *store.Store) error) *program.Program {
	common := config.Defaults()
	common.Listen, common.DataDir, common.LogLevel = "127.0.0.1:0", dir, "warn"
	return &program.Program{
		Name:      "scanner",
		Config:    common,
		LogOutput: os.Stderr,
		Serving:   func(grpc, _ net.Addr) { serving(grpc.String()) },
		Build: func(_ context.Context, host *program.Host) ([]program.Part, error) {
			service, err := scanner.New(scanner.Config{
				Store: host.Store, Telemetry: host.Telemetry, Secrets: host.Secrets, Health: host.Health,
				NamespaceLabels: host.Namespaces.Of, Concurrency: concurrency,
			})
			if err != nil {
				return nil, err
			}
			parts := []program.Part{{Name: "scanner", Register: service.Register, Run: service.Run}}
			for _, run := range beside {
				parts = append(parts, program.Part{Name: "beside", Run: func(ctx context.Context) error { return run(ctx, host.Store) }})
			}
			return parts, nil
		},
	}
}

// startProgram runs a scanner in this process, with an empty store, until stop is called.
func startProgram(tb testing.TB) (connected client, stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	addresses, ended := make(chan string, 1), make(chan error, 1)
	running := newProgram(tb.TempDir(), func(address string) { addresses <- address })
	running.LogOutput = io.Discard // scans that stop breaks off are told of; others end the benchmark themselves
	go func() { ended <- running.Run(ctx) }()
	end := func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			tb.Errorf("the scanner ended with %v", err)
		}
	}
	select {
	case address := <-addresses:
		c, closeConn := connect(tb, address)
		return c, func() { closeConn(); end() }
	case err := <-ended:
		cancel()
		tb.Fatalf("the scanner did not start: %v", err)
		return client{}, nil
	}
}

// connect dials a scanner; the second result ends the connection.
func connect(tb testing.TB, address string) (client, func()) {
	tb.Helper()
	conn, err := dial.Dial(tb.Context(), address, dial.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return newClient(conn), func() {
		if err := conn.Close(); err != nil {
			tb.Error(err)
		}
	}
}
