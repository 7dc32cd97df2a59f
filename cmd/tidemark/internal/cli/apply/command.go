// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package apply sends manifests to the services, as `kubectl apply` does: each document stands for itself, and what is
// wrong with one is told with its place and keeps no other from being applied. With --prune it deletes what it once applied
// and the files no longer have; what a followed folder manages it never deletes.
package apply

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/deletion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/given"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/operator"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Command is `tidemark apply`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	cmd := &cobra.Command{
		Use:   "apply -f FILE|DIR|-",
		Short: "Create or change objects from manifests",
		Long: `Create or change objects from manifests: Flux's ImageRepository, ImagePolicy, ImageUpdateAutomation, GitRepository and
Receiver of any version. Documents of other kinds are skipped. What is wrong with a document is told with file, line and
field; the others are applied, and the exit code is 1.

With --prune, objects with the labels of -l that were applied before and are in none of the files are deleted, after
asking; not where anything failed. What somebody created otherwise, or a followed folder manages, stays.`,
		Example: `  # A file, a folder with all its folders, a stream
  tidemark apply -f image-policy.yaml
  tidemark apply -f ./clusters/production -f ./extra.yaml
  tidemark create image repository podinfo --image ghcr.io/stefanprodan/podinfo --export | tidemark apply -f -

  # What the services would say, nothing stored
  tidemark apply -f ./clusters/production --dry-run

  # The folder is all that team web has
  tidemark apply -f ./teams/web --prune -l team=web --yes`,
		Args: given.NoArgs,
		RunE: v.run,
	}
	v.files.Add(cmd.Flags())
	v.prune.Add(cmd, "delete")
	v.consent.Add(cmd.Flags())
	cmd.Flags().BoolVar(&v.dryRun, "dry-run", false, "have the services check the objects, and store and delete nothing")
	servers.AddFlags(cmd.Flags())
	return cmd
}

type verb struct {
	servers *connection.Servers
	files   given.Flags
	prune   given.Prune
	consent deletion.Consent
	dryRun  bool
}

func (v *verb) run(cmd *cobra.Command, _ []string) error {
	if err := v.check(cmd.InOrStdin()); err != nil {
		return err
	}
	manifests, err := v.files.Read(cmd.InOrStdin())
	if err != nil {
		return err
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	a := &application{
		servers: v.servers, dryRun: v.dryRun, manager: kinds.Manager(kinds.WayApply, operator.Name()),
		out: cmd.OutOrStdout(), progress: terminal.New(cmd.ErrOrStderr()),
		failed: !manifests.Whole(), away: map[kinds.Service]bool{}, told: map[string]bool{},
	}
	if err := a.all(ctx, manifests); err != nil {
		return err
	}
	if v.prune.On {
		namespace := ""
		if flag := cmd.Flags().Lookup("namespace"); flag.Changed {
			namespace = flag.Value.String()
		}
		if err := v.pruneAll(ctx, a, manifests, namespace, cmd.InOrStdin()); err != nil {
			return err
		}
	}
	if a.failed {
		return terminal.ErrShown
	}
	return nil
}

// check refuses what cannot be done, before anything is read or sent.
func (v *verb) check(in io.Reader) error {
	if err := v.files.Check("apply"); err != nil {
		return err
	}
	if err := v.prune.Check(); err != nil {
		return err
	}
	if !v.prune.On || v.dryRun {
		return nil
	}
	if v.files.Stdin() {
		in = nil // it holds the manifests
	}
	return v.consent.Possible(in)
}

// all applies what was given.
func (a *application) all(ctx context.Context, manifests *given.Manifests) error {
	manifests.Tell(a.progress)
	if err := manifests.Empty("apply"); err != nil {
		return err
	}
	for _, object := range manifests.Objects {
		if err := a.apply(ctx, object); err != nil {
			return err
		}
	}
	if manifests.Skipped > 0 && !a.failed {
		a.progress.Warning("skipped what is of other kinds (documents: %d)", manifests.Skipped)
	}
	return nil
}

// pruneAll deletes what was applied once and is given no more.
func (v *verb) pruneAll(ctx context.Context, a *application, manifests *given.Manifests, namespace string, in io.Reader) error {
	if a.failed {
		a.progress.Warning("nothing is pruned, as not everything was applied")
		return nil
	}
	obsolete, err := manifests.Obsolete(ctx, v.servers, namespace, v.prune.Selector, a.progress)
	if err != nil || len(obsolete) == 0 {
		return err
	}
	if !v.dryRun {
		if err := v.consent.Ask(ctx, a.progress, in, false, obsolete); err != nil {
			return err
		}
	}
	// Against the direction of the data: what refers to others first.
	for _, o := range slices.Backward(obsolete) {
		if !v.dryRun {
			err = o.Kind.Delete(ctx, o.Conn, o.Namespace(), o.Name())
		}
		if err != nil {
			return fmt.Errorf("prune %s/%s/%s: %w", o.Kind.Resource, o.Namespace(), o.Name(), err)
		}
		if err := a.say(o.Kind, o.Namespace(), o.Name(), "pruned"); err != nil {
			return err
		}
	}
	return nil
}
