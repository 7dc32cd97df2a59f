// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package up runs the three services in one process, with one store, on one address. They talk gRPC all the same, over
// a listener in memory, so that there is one way and not two. It may follow a folder of manifests, or those of a Git
// repository, as well.
package up

import (
	"context"
	"fmt"
	"io"
	"net"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
	"github.com/tidemark-io/tidemark/platform/config"
	"github.com/tidemark-io/tidemark/platform/dial"
	"github.com/tidemark-io/tidemark/platform/program"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/resolver"
	"github.com/tidemark-io/tidemark/scanner"
	"github.com/tidemark-io/tidemark/updater"
)

// Options says what to run.
type Options struct {
	// Common is what every program is told.
	Common config.Common
	// Manifests is a folder, a file, or a Git URL (`?ref=`, `?path=`) to follow. Empty: none.
	Manifests string
	// Following says how.
	Following Following
	// Scanner is the scanner's own flags.
	Scanner scanner.Flags
	// Updater is the updater's own flags.
	Updater updater.Flags
	// LogOutput is where log lines go; nil means stderr.
	LogOutput io.Writer
	// Ready, if set, is called once, when calls are answered.
	Ready func(Addresses)
	// Updating, if set, keeps the updater from working until it is closed; its calls are answered all the same.
	Updating <-chan struct{}

	// built, if set, is called once before Ready, with what reaches the services.
	built func(grpc.ClientConnInterface, *surroundings)
}

// Addresses are where the services listen; empty where they do not.
type Addresses struct {
	GRPC, HTTP string
}

// Run runs the services until the context ends.
func Run(ctx context.Context, options Options) error {
	secrets := &secret.Memory{}
	p := &program.Program{
		Name:      "tidemark",
		Config:    options.Common,
		Secrets:   secrets,
		LogOutput: options.LogOutput,
		Build: func(ctx context.Context, host *program.Host) ([]program.Part, error) {
			return build(ctx, host, options, secrets)
		},
	}
	if options.Ready != nil {
		p.Serving = func(grpc, http net.Addr) { options.Ready(Addresses{GRPC: text(grpc), HTTP: text(http)}) }
	}
	return p.Run(ctx)
}

func text(address net.Addr) string {
	if address == nil {
		return ""
	}
	return address.String()
}

// build makes the services in the order of the data's way, so that each one's upstream is stopped after it.
func build(ctx context.Context, host *program.Host, options Options, secrets *secret.Memory) ([]program.Part, error) {
	conn, err := dial.Dial(ctx, "tidemark", dial.Options{Dialer: host.Dialer, Telemetry: host.Telemetry})
	if err != nil {
		return nil, err
	}
	scan, err := newScanner(ctx, host, options.Scanner)
	if err != nil {
		return nil, fmt.Errorf("scanner: %w", err)
	}
	resolve, err := newResolver(ctx, host, conn)
	if err != nil {
		return nil, fmt.Errorf("resolver: %w", err)
	}
	update, err := newUpdater(ctx, host, conn, options.Updater)
	if err != nil {
		return nil, fmt.Errorf("updater: %w", err)
	}
	surroundings := &surroundings{secrets: secrets, namespaces: host.Namespaces, log: host.Telemetry.Logger()}
	if options.built != nil {
		options.built(conn, surroundings)
	}
	parts := make([]program.Part, 0, 5)
	parts = append(parts,
		program.Connection(conn),
		program.Part{Name: "scanner", Register: scan.Register, Run: scan.Run},
		program.Part{Name: "resolver", Register: resolve.Register, Run: resolve.Run},
		program.Part{Name: "updater", Register: update.Register, Run: after(options.Updating, update.Run)},
	)
	if options.Manifests != "" {
		follow, err := newFollower(host, options, conn, surroundings)
		if err != nil {
			return nil, err
		}
		parts = append(parts, program.Part{Name: "manifests", Run: follow.run})
	}
	return parts, nil
}

// after waits for a word before it runs; nil: it runs at once.
func after(word <-chan struct{}, run func(context.Context) error) func(context.Context) error {
	if word == nil {
		return run
	}
	return func(ctx context.Context) error {
		select {
		case <-word:
			return run(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

func newScanner(ctx context.Context, host *program.Host, flags scanner.Flags) (*scanner.Service, error) {
	tel, err := host.Telemetry.For(ctx, "scanner")
	if err != nil {
		return nil, err
	}
	hooks, err := host.ListenHTTP(ctx, "hook-listen", flags.HookListen)
	if err != nil {
		return nil, err
	}
	return scanner.New(scanner.Config{
		Store: host.Store, Telemetry: tel, Secrets: host.Secrets, Health: host.Health, NamespaceLabels: host.Namespaces.Of,
		PageSize: flags.PageSize, MaxTagShrink: flags.MaxTagShrink, Hooks: hooks,
	})
}

func newResolver(ctx context.Context, host *program.Host, conn grpc.ClientConnInterface) (*resolver.Service, error) {
	tel, err := host.Telemetry.For(ctx, "resolver")
	if err != nil {
		return nil, err
	}
	return resolver.New(resolver.Config{
		Store: host.Store, Telemetry: tel, Health: host.Health, Scanner: conn,
	})
}

func newUpdater(ctx context.Context, host *program.Host, conn grpc.ClientConnInterface, flags updater.Flags) (*updater.Service, error) {
	tel, err := host.Telemetry.For(ctx, "updater")
	if err != nil {
		return nil, err
	}
	return updater.New(updater.Config{
		Store: host.Store, Telemetry: tel, Secrets: host.Secrets, Health: host.Health, Resolver: conn,
		DataDir: host.DataDir, Settle: flags.Settle, NoCrossNamespaceRefs: flags.NoCrossNamespaceRefs,
	})
}

func newFollower(host *program.Host, options Options, conn grpc.ClientConnInterface, around *surroundings) (*follower, error) {
	name, err := nameOf(options.Manifests)
	if err != nil {
		return nil, fmt.Errorf("--manifests: %w", err)
	}
	applier := Applier{Conn: conn, Manager: kinds.Manager(kinds.WayManifests, name)}
	for _, former := range options.Following.Formerly {
		was, err := nameOf(former)
		if err != nil {
			return nil, fmt.Errorf("--manifests-formerly: %w", err)
		}
		applier.Former = append(applier.Former, kinds.Manager(kinds.WayManifests, was))
	}
	codec, err := kinds.Codec()
	if err != nil {
		return nil, err
	}
	source, err := newSource(options.Manifests, codec, options, host.DataDir)
	if err != nil {
		return nil, err
	}
	shown := &state{health: func(ok bool) { host.Health.SetUpstream([]string{"manifests"}, ok) }}
	shown.health(false)
	if err := shown.observe(host.Telemetry.Meter("tidemark.manifests"), name); err != nil {
		return nil, err
	}
	return &follower{
		source: source, applier: applier, allowEmpty: options.Following.AllowEmpty,
		log: host.Telemetry.Logger(), accept: around.accept, state: shown,
	}, nil
}
