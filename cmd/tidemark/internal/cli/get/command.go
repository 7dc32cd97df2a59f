// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package get shows stored objects: as flux's tables, as YAML or JSON, once or as they change.
//
// What a table holds is said once per kind, in the file of its noun. The package asks the services and shows; it changes
// nothing.
package get

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/screen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// Command is `tidemark get`.
//
// getenv is asked for NO_COLOR and TERM.
func Command(servers *connection.Servers, getenv func(string) string) *cobra.Command {
	v := &verb{servers: servers, getenv: getenv}
	cmd := group.Command(cobra.Command{
		Use:   "get",
		Short: "Show objects and how they are",
		Example: `  # Everything about images, in all namespaces
  tidemark get image all -A

  # What is not ready, as it changes
  tidemark get image policy --status-selector ready=false --watch`,
	}, v.image(), v.source(), v.receiver(), v.registries())
	servers.AddFlags(cmd.PersistentFlags())
	v.options.addFlags(cmd.PersistentFlags())
	return cmd
}

// verb is the command's state: the flags, and where the services are.
type verb struct {
	servers *connection.Servers
	getenv  func(string) string
	options options
}

func (v *verb) image() *cobra.Command {
	return group.Command(cobra.Command{
		Use:     "image",
		Aliases: []string{"images"},
		Short:   "Show image repositories, policies and updates",
	},
		v.all(),
		v.noun(imageRepositories(), cobra.Command{
			Use:     "repository [NAME…]",
			Aliases: []string{"repositories", "repo", "repos"},
			Short:   "Show image repositories and their last scan",
			Example: "  tidemark get image repository\n  tidemark get image repository podinfo -o wide",
		}),
		v.noun(imagePolicies(), cobra.Command{
			Use:     "policy [NAME…]",
			Aliases: []string{"policies"},
			Short:   "Show image policies and the tag that each selects",
			Example: "  tidemark get image policy\n  tidemark get image policy podinfo -o yaml",
		}),
		v.noun(imageUpdateAutomations(), cobra.Command{
			Use:     "update [NAME…]",
			Aliases: []string{"updates"},
			Short:   "Show image update automations and their last run",
			Example: "  tidemark get image update\n  tidemark get image update -A --watch",
		}),
	)
}

func (v *verb) source() *cobra.Command {
	return group.Command(cobra.Command{
		Use:     "source",
		Aliases: []string{"sources"},
		Short:   "Show the repositories that are written to",
	},
		v.noun(gitRepositories(), cobra.Command{
			Use:     "git [NAME…]",
			Short:   "Show Git repositories and the revision they are at",
			Example: "  tidemark get source git\n  tidemark get source git flux-system -o wide",
		}),
	)
}

func (v *verb) receiver() *cobra.Command {
	return v.noun(receivers(), cobra.Command{
		Use:     "receiver [NAME…]",
		Aliases: []string{"receivers"},
		Short:   "Show webhooks and the path of each",
		Example: "  tidemark get receivers\n  tidemark get receiver registry -o wide",
	})
}

// noun is the command of one kind.
func (v *verb) noun(shown view, cmd cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		return v.run(cmd, []view{shown}, names)
	}
	return &cmd
}

// all is the command of the three image kinds.
func (v *verb) all() *cobra.Command {
	return &cobra.Command{
		Use:     "all",
		Short:   "Show image repositories, policies and updates in one go",
		Example: "  tidemark get image all\n  tidemark get images all -A --no-header",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v.options.mixed = true
			return v.run(cmd, []view{imageRepositories(), imagePolicies(), imageUpdateAutomations()}, nil)
		},
	}
}

func (v *verb) run(cmd *cobra.Command, views []view, names []string) error {
	o, err := v.options.checked()
	if err != nil {
		return err
	}
	o.names = names
	q := query{servers: v.servers, options: o}
	if o.watch {
		out := cmd.OutOrStdout()
		if file := screen.Of(out, v.getenv); file != nil {
			return q.live(cmd.Context(), views, out, file, terminal.Colours(out, v.getenv))
		}
		return q.watch(cmd.Context(), views, cmd.OutOrStdout(), terminal.New(cmd.ErrOrStderr()))
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	found, failed := q.loadAll(ctx, views)
	if err := write(cmd.OutOrStdout(), o, found); err != nil {
		return errors.Join(err, failed)
	}
	notes(o, found, terminal.New(cmd.ErrOrStderr()))
	return failed
}

// query is one question: what to ask, and whom.
type query struct {
	servers *connection.Servers
	options options
}

// loadAll loads what there is of each view, all at a time; the error is about the rest.
func (q query) loadAll(ctx context.Context, views []view) ([]result, error) {
	results, errs := make([]result, len(views)), make([]error, len(views))
	var parallel sync.WaitGroup
	for i, shown := range views {
		parallel.Go(func() {
			results[i].view = shown
			results[i].objects, errs[i] = q.load(ctx, shown)
		})
	}
	parallel.Wait()
	results = slices.DeleteFunc(results, func(r result) bool { return len(r.objects) == 0 })
	err := errors.Join(errs...)
	if len(results) == 0 && err == nil {
		err = q.nothing(views)
	}
	return results, err
}
