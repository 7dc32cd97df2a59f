// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/localparts/registry"
)

// partsOptions say where the local parts are.
type partsOptions struct {
	// dir keeps the registry's images (registry/) and the Git repositories (git/). It is created when missing, and stays.
	dir string
	// registryListen and gitListen are addresses, host:port.
	registryListen, gitListen string
}

// partsCommand is `tidemark demo parts`.
func partsCommand() *cobra.Command {
	var options partsOptions
	cmd := &cobra.Command{
		Use:   "parts --dir DIR",
		Short: "Run a registry and a Git server on loopback, to try things out",
		Long: `Run a real registry and a real Git server on loopback until Ctrl-C, to try things out where there is neither. They are
open to everybody who reaches them, and no place to keep anything in. What is pushed stays in --dir: images in registry/,
and each bare repository in git/ is served under its path. git must be installed.`,
		Example: `  tidemark demo parts --dir parts

  # A repository of it
  git init --bare -b main parts/git/config.git
  git -C parts/git/config.git config http.receivepack true
  git clone http://127.0.0.1:3000/config.git`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runParts(cmd.Context(), options, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.dir, "dir", "", "folder that keeps images and repositories (required)")
	flags.StringVar(&options.registryListen, "registry-listen", "127.0.0.1:5000", "address of the registry")
	flags.StringVar(&options.gitListen, "git-listen", "127.0.0.1:3000", "address of the Git server")
	return cmd
}

// runParts runs both until the context ends.
func runParts(ctx context.Context, options partsOptions, out io.Writer) (err error) {
	if options.dir == "" {
		return errors.New("--dir is required")
	}
	images, err := registry.Start(registry.Config{Listen: options.registryListen, Dir: filepath.Join(options.dir, "registry")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, images.Close()) }()
	repositories := filepath.Join(options.dir, "git")
	git, err := gitserver.Start(context.WithoutCancel(ctx), gitserver.Config{Dir: repositories, Listen: options.gitListen})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, git.Close()) }()
	say(out, "►", "a registry listens on %s", images.Host())
	say(out, "►", "a Git server listens on %s and serves the bare repositories in %s", git.URL(), repositories)
	say(out, "✔", "ready; Ctrl-C ends both, and what was pushed stays in %s", options.dir)
	<-ctx.Done()
	return nil
}
