// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package apply sends manifests to the services, as `kubectl apply` does: each document stands for itself, and what is
// wrong with one is told with its place and keeps no other from being applied. It deletes nothing.
package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// manager is who the services note down as the one who applied an object.
const manager = "cli"

// Command is `tidemark apply`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	cmd := &cobra.Command{
		Use:   "apply -f FILE|DIR|-",
		Short: "Create or change objects from manifests",
		Long: `Create or change objects from manifests: Flux's ImageRepository, ImagePolicy, ImageUpdateAutomation and
GitRepository of any version. Documents of other kinds are skipped. What is wrong with a document is told with file,
line and field; the others are applied, and the exit code is 1.`,
		Example: `  # A file, a folder with all its folders, a stream
  tidemark apply -f image-policy.yaml
  tidemark apply -f ./clusters/production -f ./extra.yaml
  tidemark create image repository podinfo --image ghcr.io/stefanprodan/podinfo --export | tidemark apply -f -`,
		Args: cobra.NoArgs,
		RunE: v.run,
	}
	cmd.Flags().StringArrayVarP(&v.files, "filename", "f", nil,
		"file, folder, or - for standard input; may be given several times")
	cmd.Flags().StringVarP(&v.namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the objects that name none")
	servers.AddFlags(cmd.Flags())
	return cmd
}

type verb struct {
	servers   *connection.Servers
	files     []string
	namespace string
}

func (v *verb) run(cmd *cobra.Command, _ []string) error {
	if len(v.files) == 0 {
		return errors.New("nothing to apply: name a file, a folder or - with -f")
	}
	codec, err := kinds.Codec()
	if err != nil {
		return err
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	a := &application{
		servers: v.servers, codec: codec, options: manifest.Options{Namespace: v.namespace},
		in: cmd.InOrStdin(), out: cmd.OutOrStdout(), progress: terminal.New(cmd.ErrOrStderr()),
		away: map[kinds.Service]bool{}, told: map[string]bool{},
	}
	for _, file := range v.files {
		if err := a.file(ctx, file); err != nil {
			return err
		}
	}
	return a.result()
}

// application is one run of the verb.
type application struct {
	servers  *connection.Servers
	codec    *manifest.Codec
	options  manifest.Options
	in       io.Reader
	out      io.Writer
	progress terminal.Progress

	applied, failed, skipped int
	// away are the services that do not answer, told the sentences that say so.
	away map[kinds.Service]bool
	told map[string]bool
}

// file applies what one -f names. The error is one that leaves no sense in going on.
func (a *application) file(ctx context.Context, name string) error {
	set, err := a.load(name)
	if err != nil {
		a.progress.Failure("%v", err)
		a.failed++
		return nil
	}
	for _, w := range set.Warnings {
		a.progress.Warning("%s", w)
	}
	for _, e := range set.Errors {
		a.fail(e.Detail())
	}
	for _, count := range set.Skipped {
		a.skipped += count
	}
	for _, object := range set.Objects {
		if err := a.apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

func (a *application) load(name string) (*manifest.Set, error) {
	if name == "-" {
		return a.codec.Read("stdin", a.in, a.options)
	}
	return a.codec.Load(name, a.options)
}

// fail shows an error with the line that it is about: only the first line carries the symbol, so that the caret stays
// under its place.
func (a *application) fail(detail string) {
	a.failed++
	first, rest, more := strings.Cut(detail, "\n")
	a.progress.Failure("%s", first)
	if more {
		a.progress.Plain(rest)
	}
}

// result is nil where everything was applied.
func (a *application) result() error {
	switch {
	case a.failed > 0:
		return terminal.ErrShown
	case a.applied == 0 && a.skipped > 0:
		return fmt.Errorf("nothing to apply: what -f names holds other kinds only (documents: %d)", a.skipped)
	case a.applied == 0:
		return errors.New("nothing to apply: no manifest in what -f names")
	case a.skipped > 0:
		a.progress.Warning("skipped what is of other kinds (documents: %d)", a.skipped)
	}
	return nil
}
