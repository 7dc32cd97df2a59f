// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/up"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/config"
)

// freePort lets the system choose.
const freePort = "127.0.0.1:0"

// stage is the real parts: a registry, a Git server and the three services, all on loopback, all state in one
// temporary folder.
type stage struct {
	dir      string
	registry *registry.Registry
	git      *gitserver.Server
	services *up.Running
}

func newStage(ctx context.Context, options Options) (*stage, error) {
	dir, err := os.MkdirTemp("", "tidemark-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir}
	if err := s.start(ctx, options); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) start(ctx context.Context, options Options) (err error) {
	if s.registry, err = registry.Start(registry.Config{}); err != nil {
		return err
	}
	say(options.Out, "►", "a registry listens on %s", s.registry.Host())
	gitDir := filepath.Join(s.dir, "git")
	if err := os.Mkdir(gitDir, 0o700); err != nil {
		return err
	}
	if s.git, err = gitserver.Start(context.WithoutCancel(ctx), gitserver.Config{Dir: gitDir}); err != nil {
		return err
	}
	say(options.Out, "►", "a Git server listens on %s", s.git.URL())
	return s.startServices(ctx, options)
}

// startServices runs what `tidemark up` runs. It outlives ctx: close stops it, after the story's last word.
func (s *stage) startServices(ctx context.Context, options Options) (err error) {
	s.services, err = up.Start(ctx, up.Options{
		Common: config.Common{
			Listen:     cmp.Or(options.Listen, freePort),
			HTTPListen: cmp.Or(options.HTTPListen, freePort),
			DataDir:    filepath.Join(s.dir, "state"),
			LogLevel:   "warn",
		},
		LogOutput: options.Logs,
	})
	if err == nil {
		say(options.Out, "►", "scanner, resolver and updater listen on %s", s.services.GRPC)
	}
	return err
}

// close stops the parts in the order of the data's way, and removes the folder.
func (s *stage) close() error {
	var errs []error
	if s.services != nil {
		errs = append(errs, s.services.Stop())
	}
	if s.git != nil {
		errs = append(errs, s.git.Close())
	}
	if s.registry != nil {
		errs = append(errs, s.registry.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

func (s *stage) addresses() []string {
	return []string{s.registry.Host(), strings.TrimPrefix(s.git.URL(), "http://"), s.services.GRPC, s.services.HTTP}
}

func (s *stage) printAddresses(out io.Writer) {
	_, _ = fmt.Fprintf(out, `
everything stays up until you press Ctrl-C:
  services   %s (gRPC, reflection on), http://%s/metrics
  registry   http://%s/v2/_catalog
  git        git clone %s
try:
  bin/grpcurl -plaintext %s list
  bin/grpcurl -plaintext -d '{"name": "%s"}' %s tidemark.resolver.v1.ImagePolicyService/GetImagePolicy
  bin/tidemark get image all --server %s
`, s.services.GRPC, s.services.HTTP, s.registry.Host(), s.git.RepositoryURL(gitRepository), s.services.GRPC, policyName, s.services.GRPC, s.services.GRPC)
}

// checkFreed makes sure that nothing is left: no listener, no folder.
func checkFreed(addresses []string, dir string) error {
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address) //nolint:noctx // to see that the port is free; closed at once
		if err != nil {
			return fmt.Errorf("a port is still taken: %w", err)
		}
		if err := listener.Close(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the temporary folder %s is still there", dir)
	}
	return nil
}
