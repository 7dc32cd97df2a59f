// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package reconcile asks the services to act now, and shows what they do: scan an image repository, evaluate a policy,
// run an automation. It does not wait for what follows from it in another service.
package reconcile

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Command is `tidemark reconcile`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	cmd := group.Command(cobra.Command{
		Use:   "reconcile",
		Short: "Scan, evaluate or run an object now",
		Example: `  # Scan an image repository now
  tidemark reconcile image repository podinfo

  # Run an automation now, and see its steps
  tidemark reconcile image update flux-system`,
	}, v.image())
	servers.AddFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().StringVarP(&v.namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the object")
	return cmd
}

type verb struct {
	servers   *connection.Servers
	namespace string
}

func (v *verb) image() *cobra.Command {
	return group.Command(cobra.Command{
		Use:     "image",
		Aliases: []string{"images"},
		Short:   "Scan, evaluate or run one of the image objects now",
	},
		(&scanner{}).command(v),
		v.noun(kinds.ImagePolicy(), "evaluating", Evaluate, cobra.Command{
			Use:     "policy NAME",
			Short:   "Evaluate an image policy now, over the tags that are known",
			Example: "  tidemark reconcile image policy podinfo",
		}),
		v.noun(kinds.ImageUpdateAutomation(), "running", Run, cobra.Command{
			Use:     "update NAME",
			Short:   "Run an image update automation now, and show its steps",
			Example: "  tidemark reconcile image update flux-system -n apps",
		}),
	)
}

// Target is the object that is acted on.
type Target struct {
	Namespace, Name string
}

// Action asks a service to act, writes how it goes, and fails with a sentence for a person.
type Action func(ctx context.Context, conn grpc.ClientConnInterface, t Target, progress terminal.Progress) error

// Of is what is done with objects of a kind; nil: nothing can be asked for.
func Of(kind kinds.Kind) Action {
	switch kind.Noun {
	case kinds.ImageRepository().Noun:
		return Scan
	case kinds.ImagePolicy().Noun:
		return Evaluate
	case kinds.ImageUpdateAutomation().Noun:
		return Run
	default:
		return nil
	}
}

func (v *verb) noun(kind kinds.Kind, doing string, act Action, cmd cobra.Command) *cobra.Command {
	cmd.Args = group.OneName(kind.Noun)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := v.servers.WithTimeout(cmd.Context())
		defer cancel()
		conn, err := v.servers.To(ctx, kind.Service)
		if err != nil {
			return err
		}
		progress := terminal.New(cmd.ErrOrStderr())
		progress.Action("%s %s %s in %s namespace", doing, kind.Noun, args[0], v.namespace)
		return act(ctx, conn, Target{Namespace: v.namespace, Name: args[0]}, progress)
	}
	return &cmd
}
