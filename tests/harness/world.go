// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/localparts/registry"
)

// Suite is what the tests of one run share.
type Suite struct {
	Programs *Programs
	Ports    Ports
}

// Options say how a world differs from the usual one.
type Options struct {
	Registry registry.Config
	Git      gitserver.Config
	// Args and Env are added to each program's.
	Args, Env []string
	// Manifests is a folder for the all-in-one to follow.
	Manifests string
	// Stopped: the programs are not started yet.
	Stopped bool
}

// World is a registry, a Git server and Tidemark, of one test alone.
type World struct {
	Deployment

	Suite    *Suite
	Registry *registry.Registry
	Git      *gitserver.Server
	// SecretsDir is the programs' --secrets-dir.
	SecretsDir string

	conns map[Service]*grpc.ClientConn
}

// NewWorld makes a world that ends with the test.
func (s *Suite) NewWorld(t *testing.T, kind Kind, options Options) *World {
	t.Helper()
	dir := t.TempDir()
	w := &World{Suite: s, SecretsDir: filepath.Join(dir, "secrets"), conns: map[Service]*grpc.ClientConn{}}
	if err := os.Mkdir(w.SecretsDir, 0o700); err != nil {
		t.Fatal(err)
	}
	w.Registry = StartRegistry(t, options.Registry)
	if options.Git.Dir == "" {
		options.Git.Dir = filepath.Join(dir, "git")
	}
	w.Git = StartGit(t, options.Git)
	place := place{
		programs: s.Programs, ports: &s.Ports, dir: dir, env: options.Env,
		args: append([]string{"--secrets-dir", w.SecretsDir}, options.Args...),
	}
	if options.Manifests != "" {
		place.own = []string{"--manifests", options.Manifests}
	}
	w.Deployment = kind.make(t, place)
	for _, service := range Services() {
		w.conns[service] = dial(t, w.Address(service))
	}
	if !options.Stopped {
		w.Start(t)
	}
	return w
}

// StartRegistry starts a registry that is closed with the test.
func StartRegistry(t *testing.T, config registry.Config) *registry.Registry {
	t.Helper()
	r, err := registry.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close the registry: %v", err)
		}
	})
	return r
}

// StartGit starts a Git server that is closed with the test.
func StartGit(t *testing.T, config gitserver.Config) *gitserver.Server {
	t.Helper()
	g, err := gitserver.Start(context.WithoutCancel(t.Context()), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("close the Git server: %v", err)
		}
	})
	return g
}

// dial connects lazily, and again soon after a program has come back.
func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	again := backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 200 * time.Millisecond}
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: time.Second}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("close the connection: %v", err)
		}
	})
	return conn
}

// Start starts all programs and waits until they serve.
func (w *World) Start(t *testing.T) {
	t.Helper()
	for _, p := range w.Processes() {
		p.Start(t)
	}
	w.AwaitServing(t)
}

// Stop ends all programs in good order, downstream first.
func (w *World) Stop(t *testing.T) {
	t.Helper()
	all := w.Processes()
	for i := len(all) - 1; i >= 0; i-- {
		all[i].Stop(t)
	}
}

// AwaitServing waits until each service says that it and its upstream serve.
func (w *World) AwaitServing(t *testing.T) {
	t.Helper()
	for _, service := range Services() {
		w.AwaitHealth(t, service, "", healthpb.HealthCheckResponse_SERVING)
		w.AwaitHealth(t, service, string(service), healthpb.HealthCheckResponse_SERVING)
		if service != Scanner {
			w.AwaitHealth(t, service, string(service)+".upstream", healthpb.HealthCheckResponse_SERVING)
		}
	}
}

// AwaitHealth waits until the program of a service says this of a name.
func (w *World) AwaitHealth(t *testing.T, service Service, name string, want healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	Await(t, fmt.Sprintf("health of %q at %s: %s", name, service, want), func(ctx context.Context) error {
		if err := w.Process(service).Gone(); err != nil {
			t.Fatal(err)
		}
		answer, err := healthpb.NewHealthClient(w.conns[service]).Check(ctx, &healthpb.HealthCheckRequest{Service: name})
		if err != nil {
			return err
		}
		if answer.GetStatus() != want {
			return fmt.Errorf("it is %s", answer.GetStatus())
		}
		return nil
	})
}
