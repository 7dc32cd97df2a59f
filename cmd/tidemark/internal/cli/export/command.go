// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package export prints objects as manifests: stored ones, which is the verb, and those that other verbs have made. Status
// and what a server fills in are not printed, and nothing that a secret holds is known here.
package export

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/chosen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Command is `tidemark export`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	cmd := group.Command(cobra.Command{
		Use:   "export",
		Short: "Print stored objects as manifests",
		Long: `Print stored objects as manifests, as flux does: no status, keys sorted, durations in Go's form. Flux takes them: what is
Tidemark's own is left out with a warning, unless --tidemark asks for it.`,
		Example: `  # One policy, for Flux
  tidemark export image policy podinfo > podinfo-policy.yaml

  # All of a namespace, to be applied elsewhere
  tidemark export image all -n apps --tidemark | tidemark apply -f - --server other:9000`,
	}, chosen.Nouns("Print image objects as manifests", "Print sources as manifests", v.noun)...)
	servers.AddFlags(cmd.PersistentFlags())
	v.which.Add(cmd.PersistentFlags(), "print")
	cmd.PersistentFlags().BoolVarP(&v.which.AllNamespaces, "all-namespaces", "A", false, "print the objects of all namespaces")
	cmd.PersistentFlags().BoolVar(&v.own, "tidemark", false, "keep what is Tidemark's own; Flux does not take such manifests")
	return cmd
}

type verb struct {
	servers *connection.Servers
	which   chosen.Flags
	own     bool
}

// noun is the command for objects of a kind, or of several.
func (v *verb) noun(word string, aliases []string, of ...kinds.Kind) *cobra.Command {
	things := "the image objects of all three kinds as manifests"
	if len(of) == 1 {
		things = of[0].Noun + " objects as manifests"
	}
	return &cobra.Command{
		Use: word + " NAME… | --all", Aliases: aliases, Short: "Print " + things,
		RunE: func(cmd *cobra.Command, names []string) error { return v.run(cmd, of, names) },
	}
}

func (v *verb) run(cmd *cobra.Command, of []kinds.Kind, names []string) error {
	which := v.which
	if len(of) > 1 && len(names) == 0 && which.LabelSelector == "" {
		which.All = true // the word says it
	}
	if err := which.Check(names, errors.New("name is required; for all of the namespace use --all")); err != nil {
		return err
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	found, absent, err := which.Find(ctx, v.servers, of, names)
	if err != nil {
		return err
	}
	progress := terminal.New(cmd.ErrOrStderr())
	objects := make([]kinds.Object, len(found))
	for i, o := range found {
		objects[i] = o.Object
	}
	if err := Write(cmd.OutOrStdout(), progress, v.own, objects...); err != nil {
		return err
	}
	return errors.Join(absent...)
}
