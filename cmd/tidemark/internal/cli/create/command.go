// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package create makes an object from flags, with flux's flags, checks and words: with --export it is printed as a
// manifest, else it is applied and waited for. What the flags cannot be is said before anything is sent.
package create

import (
	"context"

	"github.com/spf13/cobra"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/await"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/export"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/operator"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Command is `tidemark create`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	cmd := group.Command(cobra.Command{
		Use:   "create",
		Short: "Create or change an object from flags, or print its manifest",
		Example: `  # Scan an image, and wait for the first scan
  tidemark create image repository podinfo --image ghcr.io/stefanprodan/podinfo

  # Print the manifest instead
  tidemark create image repository podinfo --image ghcr.io/stefanprodan/podinfo --export`,
	}, v.image(), v.source(), v.receiver())
	flags := cmd.PersistentFlags()
	servers.AddFlags(flags)
	flags.StringVarP(&v.namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the object")
	flags.BoolVar(&v.export, "export", false, "print the manifest, and send nothing")
	flags.StringSliceVar(&v.labels, "label", nil, "label of the object, key=value; may be given several times, or several with commas")
	return cmd
}

func (v *verb) image() *cobra.Command {
	return group.Command(cobra.Command{
		Use:     "image",
		Aliases: []string{"images"},
		Short:   "Create an image repository, policy or update",
	}, v.imageRepository(), v.imagePolicy(), v.imageUpdateAutomation())
}

func (v *verb) source() *cobra.Command {
	return group.Command(cobra.Command{
		Use:     "source",
		Aliases: []string{"sources"},
		Short:   "Create a repository that is written to",
	}, v.gitRepository())
}

// verb is the command's state: the flags that all nouns have, and where the services are.
type verb struct {
	servers   *connection.Servers
	namespace string
	export    bool
	labels    []string
}

// noun makes the command of one kind; build makes the object of its flags, without metadata to care for.
func (v *verb) noun(kind kinds.Kind, cmd cobra.Command, build func(*metav1.ObjectMeta) (kinds.Object, error)) *cobra.Command {
	cmd.Args = group.OneName(kind.Noun)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		metadata, err := v.metadata(args[0])
		if err != nil {
			return err
		}
		object, err := build(metadata)
		if err != nil {
			return err
		}
		return v.run(cmd, kind, object)
	}
	return &cmd
}

// run prints the object that the flags make, or creates it.
func (v *verb) run(cmd *cobra.Command, kind kinds.Kind, object kinds.Object) error {
	progress := terminal.New(cmd.ErrOrStderr())
	if v.export {
		return export.Made(cmd.OutOrStdout(), progress, object)
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	return v.create(ctx, kind, object, progress)
}

// create applies the object and waits until its service has looked at it.
func (v *verb) create(ctx context.Context, kind kinds.Kind, object kinds.Object, progress terminal.Progress) error {
	conn, err := v.servers.To(ctx, kind.Service)
	if err != nil {
		return err
	}
	thing := await.Thing(kind)
	progress.Generate("generating %s", thing)
	meta := object.GetMetadata()
	if stored, err := kind.Get(ctx, conn, meta.GetNamespace(), meta.GetName()); err == nil && kinds.ManagedBy(stored, kinds.WayManifests) {
		progress.Warning("%s is managed by %s, which will undo what differs from it", meta.GetName(), stored.GetMetadata().GetManagedBy())
	}
	progress.Action("applying %s", thing)
	stored, outcome, err := kind.Apply(ctx, conn, object, kinds.Manager(kinds.WayCreate, operator.Name()))
	if err != nil {
		return err
	}
	progress.Success("%s %s", thing, word(outcome))
	return await.Created(ctx, conn, kind, stored, progress)
}

func word(outcome metav1.ApplyOutcome) string {
	switch outcome {
	case metav1.ApplyOutcome_APPLY_OUTCOME_CREATED:
		return "created"
	case metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED:
		return "unchanged"
	default:
		return "updated"
	}
}
