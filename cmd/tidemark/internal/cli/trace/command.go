// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package trace follows one tag from its registry into Git, and back: which scan first saw it and what asked for that scan,
// what the policies say of it, which run wrote it where. It puts together what the three services have recorded and asks
// Git nothing; what no record tells is said, and not guessed.
package trace

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/output"
)

// Command is `tidemark trace`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	image := &cobra.Command{
		Use:   "image NAME[:TAG]",
		Short: "Show where a tag came from, what the policies say of it and where it was written",
		Long: `Show where a tag came from, what the policies say of it, and which automation wrote it where, or why none did. NAME is an
ImageRepository's or an ImagePolicy's, or the image's own. Without TAG it is what the policies have chosen now.`,
		Example: `  tidemark trace image podinfo
  tidemark trace image ghcr.io/stefanprodan/podinfo:5.0.3`,
		Args: one("an image is required: NAME[:TAG]"),
		RunE: v.image,
	}
	image.Flags().BoolVarP(&v.allNamespaces, "all-namespaces", "A", false, "look at the objects of all namespaces")
	file := &cobra.Command{
		Use:   "file PATH[:LINE]",
		Short: "Show which policy, tag and scan a value in Git comes from",
		Long: `Show which marker is at a line of a file in Git, who wrote its value when, and which policy, tag and scan it comes from. PATH
is the file's in its repository. Lines move: the recorded value nearest to LINE is shown, and its line as it was. Without
LINE all values that were written in the file are.`,
		Example: `  tidemark trace file apps/podinfo/deployment.yaml:21
  tidemark trace file apps/podinfo/deployment.yaml --automation flux-system`,
		Args: one("a file is required: PATH[:LINE]"),
		RunE: v.file,
	}
	file.Flags().StringVar(&v.automation, "automation", "", "look at the runs of this ImageUpdateAutomation alone")
	cmd := group.Command(cobra.Command{
		Use: "trace", Short: "Show where a tag came from and where it went",
		Example: "  tidemark trace image podinfo\n  tidemark trace file apps/podinfo/deployment.yaml:21",
	}, image, file)
	for _, each := range []*cobra.Command{image, file} {
		servers.AddFlags(each.Flags())
		each.Flags().StringVarP(&v.namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the objects")
		v.output.Add(each.Flags(), "text")
	}
	return cmd
}

func one(lacking string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 || args[0] == "":
			return errors.New(lacking)
		case len(args) > 1:
			return errors.New("one at a time")
		}
		return nil
	}
}

// verb is the command's state: the flags, and where the services are.
type verb struct {
	servers       *connection.Servers
	namespace     string
	allNamespaces bool
	automation    string
	output        output.Form
}

// image answers `trace image`. What could be found is written also where something failed.
func (v *verb) image(cmd *cobra.Command, args []string) error {
	return v.answer(cmd, func(ctx context.Context, s *services) (answer, error) {
		subject, err := parseSubject(args[0])
		if err != nil {
			return nil, err
		}
		if v.allNamespaces {
			v.namespace = ""
		}
		return s.traceImage(ctx, v.namespace, subject)
	})
}

// file answers `trace file`.
func (v *verb) file(cmd *cobra.Command, args []string) error {
	return v.answer(cmd, func(ctx context.Context, s *services) (answer, error) {
		at, err := parsePlace(args[0])
		if err != nil {
			return nil, err
		}
		return s.traceFile(ctx, v.namespace, v.automation, at)
	})
}

// answer is what is found, for a program in the names of its JSON tags, for a person as text.
type answer interface {
	text(out io.Writer) error
}

func (v *verb) answer(cmd *cobra.Command, find func(context.Context, *services) (answer, error)) error {
	if err := v.output.Check(); err != nil {
		return err
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	s, err := connect(ctx, v.servers)
	if err != nil {
		return err
	}
	found, err := find(ctx, s)
	switch {
	case found == nil:
		return err
	case v.output.Document():
		return errors.Join(v.output.WriteValue(cmd.OutOrStdout(), found), err)
	}
	return errors.Join(found.text(cmd.OutOrStdout()), err)
}
