// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/apply"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/create"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/get"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/reconcile"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/version"
)

// command is the root of all commands.
func command(servers *connection.Servers) *cobra.Command {
	root := group.Command(cobra.Command{
		Use:   "tidemark",
		Short: "From a pushed image tag to a commit",
		Long: `Tidemark watches container registries, selects a tag for each policy, and commits it to the marked places of Git
repositories. Its objects and verbs are Flux's; no Kubernetes is needed.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())
	})
	// The verbs that run services stand first: up and demo, each a package beside internal/cli with a Command.
	serving := []*cobra.Command{}
	section(root, "Run the services:", serving...)
	section(root, "Work with objects:",
		apply.Command(servers),
		create.Command(servers),
		get.Command(servers),
		reconcile.Command(servers),
	)
	root.AddCommand(version.Command())
	return root
}

// section adds commands under a title of the help.
func section(root *cobra.Command, title string, commands ...*cobra.Command) {
	if len(commands) == 0 {
		return
	}
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, cmd := range commands {
		cmd.GroupID = title
	}
	root.AddCommand(commands...)
}
