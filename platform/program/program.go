// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package program wires a Tidemark program: configuration, telemetry, store, secrets, server, services, run. Each of
// the three services' programs and the one that holds all three are wired here, so that they are the same code. It
// knows no service; a program says how to build its own.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/config"
	"github.com/tidemark-io/tidemark/platform/health"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/namespace"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/server"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/platform/version"
)

// flushTimeout bounds the export of the last spans at the end.
const flushTimeout = 3 * time.Second

// Host is what a program gives its services.
type Host struct {
	Store      *store.Store
	Telemetry  *telemetry.Telemetry
	Secrets    secret.Source
	Health     *health.Reporter
	Namespaces *namespace.Labels
	// DataDir is where a service may keep caches of its own; the store has a folder in it.
	DataDir string
	// Dialer reaches the program's own server without a network.
	Dialer func(ctx context.Context, address string) (net.Conn, error)
	// ListenHTTP opens a further HTTP listener by the rules of the program's own: TLS where the program has a certificate,
	// and beyond loopback nothing else unless --insecure. flag is the address's flag, for errors.
	ListenHTTP func(ctx context.Context, flag, address string) (net.Listener, error)
}

// Part is what a program runs: a service, or something that works beside them.
type Part struct {
	// Name is the part's name in errors.
	Name string
	// Register adds the gRPC services that the part answers. Nil: it answers none.
	Register func(grpc.ServiceRegistrar)
	// Run works until the context ends, and returns when all it started has ended.
	Run func(ctx context.Context) error
}

// Program is one program.
type Program struct {
	// Name is the service.name of its spans, and the program's name in `--help`.
	Name string
	// Config is what the operator said.
	Config config.Common
	// Secrets, if set, is asked before the folder that Config names.
	Secrets secret.Source
	// Build makes the parts, which are started in their order and stopped in the reverse one.
	Build func(ctx context.Context, host *Host) ([]Part, error)
	// LogOutput is where log lines go; nil means stderr.
	LogOutput io.Writer
	// Serving, if set, is called once with the addresses, when calls are answered. An address that is not served is nil.
	Serving func(grpc, http net.Addr)
}

// Run runs the program until the context ends.
func (p *Program) Run(ctx context.Context) (err error) {
	tel, err := telemetry.Setup(ctx, telemetry.Config{
		Service: p.Name, Version: version.Version(), LogLevel: p.Config.LogLevel, LogFormat: p.Config.LogFormat, LogOutput: p.LogOutput,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, flush(ctx, tel)) }()
	labels, err := namespace.Read(p.Config.NamespaceLabels)
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, store.Config{
		Endpoints: p.Config.EtcdEndpoints, Prefix: p.Config.EtcdPrefix, DataDir: p.Config.DataDir, Logger: tel.Logger(),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	identity := server.TLS{CertFile: p.Config.TLSCertFile, KeyFile: p.Config.TLSKeyFile, ClientCAFile: p.Config.TLSClientCAFile}
	srv, err := server.New(ctx, server.Config{
		Listen: p.Config.Listen, HTTPListen: p.Config.HTTPListen, Insecure: p.Config.Insecure, Telemetry: tel, TLS: identity,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.Close()) }()
	parts, err := p.Build(ctx, &Host{
		Store: st, Telemetry: tel, Secrets: p.secrets(), Health: srv.Health(), Namespaces: labels,
		DataDir: p.Config.DataDir, Dialer: srv.Dialer(),
		ListenHTTP: func(ctx context.Context, flag, address string) (net.Listener, error) {
			return server.ListenHTTP(ctx, flag, address, identity, p.Config.Insecure)
		},
	})
	if err != nil {
		return err
	}
	return p.run(ctx, srv, parts)
}

// run starts the services, then the server; the server is stopped first, so that accepted calls are answered.
func (p *Program) run(ctx context.Context, srv *server.Server, parts []Part) error {
	var group lifecycle.Group
	for _, part := range parts {
		if part.Register != nil {
			part.Register(srv.GRPC())
		}
		group.Add(part.Name, part.Run)
	}
	group.Add("server", srv.Run)
	if p.Serving != nil {
		// The listeners are open: a call that comes before Serve waits in them.
		p.Serving(srv.Addr(), srv.HTTPAddr())
	}
	return group.Run(ctx)
}

func (p *Program) secrets() secret.Source {
	var sources []secret.Source
	if p.Secrets != nil {
		sources = append(sources, p.Secrets)
	}
	if p.Config.SecretsDir != "" {
		sources = append(sources, secret.Dir(p.Config.SecretsDir))
	}
	return secret.Layered(sources...)
}

func flush(ctx context.Context, tel *telemetry.Telemetry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	return tel.Shutdown(ctx)
}

// Main is the main function of a program with one service: it reads flags, environment and file, and runs. flags, which may
// be nil, adds the service's own, which are filled before Build is called.
func Main(p *Program, flags func(*pflag.FlagSet)) {
	lifecycle.Main(func(ctx context.Context) error {
		fs := pflag.NewFlagSet(p.Name, pflag.ContinueOnError)
		defaults := p.Config
		p.Config.AddFlags(fs, defaults)
		if flags != nil {
			flags(fs)
		}
		fs.Usage = func() { usage(fs, p.Name) }
		err := fs.Parse(os.Args[1:])
		if errors.Is(err, pflag.ErrHelp) {
			return nil
		}
		if err != nil {
			return err
		}
		if fs.NArg() > 0 {
			return fmt.Errorf("%s takes no arguments, only flags; %q is none", p.Name, fs.Arg(0))
		}
		if err := config.Load(fs); err != nil {
			return err
		}
		return p.Run(ctx)
	})
}

func usage(fs *pflag.FlagSet, name string) {
	_, _ = fmt.Fprintf(os.Stdout, "Usage: %s [flags]\n\nEach flag is also an environment variable (--data-dir: %s) and a key of the --config file.\n\n%s",
		name, config.EnvName("data-dir"), fs.FlagUsages())
}
