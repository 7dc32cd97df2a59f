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
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/screen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Command is `tidemark reconcile`. getenv is asked for TERM.
func Command(servers *connection.Servers, getenv func(string) string) *cobra.Command {
	v := &verb{servers: servers, getenv: getenv}
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
	getenv    func(string) string
	namespace string
}

func (v *verb) image() *cobra.Command {
	return group.Command(cobra.Command{
		Use:     "image",
		Aliases: []string{"images"},
		Short:   "Scan, evaluate or run one of the image objects now",
	},
		(&scanner{}).command(v),
		v.noun(kinds.ImagePolicy(), "evaluating", plain(Evaluate), cobra.Command{
			Use:     "policy NAME",
			Short:   "Evaluate an image policy now, over the tags that are known",
			Example: "  tidemark reconcile image policy podinfo",
		}),
		v.noun(kinds.ImageUpdateAutomation(), "running", RunOn, cobra.Command{
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

// plain is an action that says nothing while it goes on: the line has its spinner.
func plain(act Action) func(*screen.Line) Action { return func(*screen.Line) Action { return act } }

func (v *verb) noun(kind kinds.Kind, doing string, act func(*screen.Line) Action, cmd cobra.Command) *cobra.Command {
	cmd.Args = group.OneName(kind.Noun)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		line := screen.NewLine(cmd.ErrOrStderr(), v.getenv)
		defer line.Close()
		return Now(cmd.Context(), v.servers, kind, doing, Target{Namespace: v.namespace, Name: args[0]}, act(line), terminal.New(line))
	}
	return &cmd
}

// Now has a service act on an object of a kind, and shows what is done.
func Now(
	ctx context.Context, servers *connection.Servers, kind kinds.Kind, doing string, t Target, act Action, progress terminal.Progress,
) error {
	ctx, cancel := servers.WithTimeout(ctx)
	defer cancel()
	conn, err := servers.To(ctx, kind.Service)
	if err != nil {
		return err
	}
	progress.Action("%s %s %s in %s namespace", doing, kind.Noun, t.Name, t.Namespace)
	return act(ctx, conn, t, progress)
}
