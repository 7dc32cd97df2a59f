// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package running runs an automation now and shows its steps as they are taken. It is `reconcile image update` under the
// name that people look for who have never used flux.
package running

import (
	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/reconcile"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/screen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Command is `tidemark run`. getenv is asked for TERM.
func Command(servers *connection.Servers, getenv func(string) string) *cobra.Command {
	var namespace string
	kind := kinds.ImageUpdateAutomation()
	automation := &cobra.Command{
		Use:     "automation NAME",
		Aliases: []string{"automations", "update"},
		Short:   "Run an image update automation now, and show its steps",
		Long: `Run an image update automation now, and show its steps on standard error as they are taken: what was fetched, what was
changed where, the commit. On a terminal a long fetch is one line that counts. The same as "tidemark reconcile image update".

The exit code is 0 when the run pushed or found nothing to do, and 1 when it failed.`,
		Example: "  tidemark run automation flux-system\n  tidemark run automation flux-system -n apps",
		Args:    group.OneName(kind.Noun),
		RunE: func(cmd *cobra.Command, args []string) error {
			line := screen.NewLine(cmd.ErrOrStderr(), getenv)
			defer line.Close()
			target := reconcile.Target{Namespace: namespace, Name: args[0]}
			return reconcile.Now(cmd.Context(), servers, kind, "running", target, reconcile.RunOn(line), terminal.New(line))
		},
	}
	servers.AddFlags(automation.Flags())
	automation.Flags().StringVarP(&namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the object")
	return group.Command(cobra.Command{
		Use: "run", Short: "Run an automation now", Example: "  tidemark run automation flux-system",
	}, automation)
}
