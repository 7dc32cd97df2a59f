// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package deletion is `tidemark delete`: it asks a person, and deletes stored objects. What a deleted object has written to
// Git stays.
package deletion

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/chosen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Command is `tidemark delete`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	cmd := group.Command(cobra.Command{
		Use:   "delete",
		Short: "Delete objects, after asking",
		Long: `Delete objects, after asking on a terminal. Without one, --yes must say that it is meant. An object that a followed folder
of manifests brings comes back: take it out of the folder instead.`,
		Example: `  tidemark delete image policy podinfo

  # In a script
  tidemark delete image all --all -n preview-42 --yes`,
	}, chosen.Nouns("Delete image objects", "Delete sources", v.noun)...)
	servers.AddFlags(cmd.PersistentFlags())
	v.which.Add(cmd.PersistentFlags(), "delete")
	v.consent.Add(cmd.PersistentFlags())
	return cmd
}

type verb struct {
	servers *connection.Servers
	which   chosen.Flags
	consent Consent
}

// noun is the command for objects of a kind, or of several.
func (v *verb) noun(word string, aliases []string, of ...kinds.Kind) *cobra.Command {
	things, missing := "the image objects of all three kinds", "object"
	if len(of) == 1 {
		things, missing = of[0].Noun+" objects", of[0].Human
	}
	absent := fmt.Errorf("%s name is required; for all of the namespace use --all", missing)
	return &cobra.Command{
		Use: word + " NAME… | --all", Aliases: aliases, Short: "Delete " + things,
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := v.which.Check(names, absent); err != nil {
				return err
			}
			return v.run(cmd, of, names)
		},
	}
}

func (v *verb) run(cmd *cobra.Command, of []kinds.Kind, names []string) error {
	if err := v.consent.Possible(cmd.InOrStdin()); err != nil {
		return err
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	found, absent, err := v.which.Find(ctx, v.servers, of, names)
	if err != nil {
		return err
	}
	progress := terminal.New(cmd.ErrOrStderr())
	if err := errors.Join(absent...); err != nil {
		return err
	}
	for _, o := range found {
		if kinds.ManagedBy(o, kinds.WayManifests) {
			progress.Warning("%s %s is managed by %s, which brings it back: take it out of there", o.Kind.Human, o.Name(), o.GetMetadata().GetManagedBy())
		}
	}
	if err := v.consent.Ask(ctx, progress, cmd.InOrStdin(), len(names) > 0, found); err != nil {
		return err
	}
	return deleteAll(ctx, progress, found)
}

// deleteAll deletes against the direction of the data: what refers to others first.
func deleteAll(ctx context.Context, progress terminal.Progress, all []chosen.Object) error {
	failed := false
	for _, o := range slices.Backward(all) {
		progress.Action("deleting %s %s in %s namespace", o.Kind.Human, o.Name(), o.Namespace())
		err := o.Kind.Delete(ctx, o.Conn, o.Namespace(), o.Name())
		switch {
		case err == nil:
			progress.Success("%s deleted", o.Kind.Human)
		case errors.Is(err, rpcerr.ErrNotFound):
			progress.Success("%s was deleted by somebody else", o.Kind.Human)
		case errors.Is(err, connection.ErrUnreachable) || ctx.Err() != nil:
			return err
		default:
			failed = true
			progress.Errors(err)
		}
	}
	if failed {
		return terminal.ErrShown
	}
	return nil
}
