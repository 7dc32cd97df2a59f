// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/apply"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/completion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/config"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/create"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/deletion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/diffing"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/events"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/explain"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/export"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/get"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/history"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/hold"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/preview"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/reconcile"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/resolve"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/running"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/set"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suspend"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/trace"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/version"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/demo"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/once"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/up"
)

// command is the root of all commands.
func command(servers *connection.Servers, getenv func(string) string) *cobra.Command {
	root := group.Command(cobra.Command{
		Use:   "tidemark",
		Short: "From a pushed image tag to a commit",
		Long: `Tidemark watches container registries, selects a tag for each policy, and commits it to the marked places of Git
repositories. Its objects and verbs are Flux's; no Kubernetes is needed.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	root.SetFlagErrorFunc(suggestion.FlagError)
	section(root, "Run the services:", up.Command(), once.Command(getenv), demo.Command(table))
	section(root, "Work with objects:",
		apply.Command(servers),
		create.Command(servers),
		deletion.Command(servers),
		diffing.Command(servers, getenv),
		export.Command(servers),
		get.Command(servers, getenv),
		reconcile.Command(servers, getenv),
		running.Command(servers, getenv),
		suspend.Command(servers),
		suspend.ResumeCommand(servers),
		preview.Command(servers, getenv),
		history.Command(servers),
		events.Command(servers),
		hold.Command(servers),
		hold.ReleaseCommand(servers),
	)
	section(root, "Ask about tags:", resolve.Command(servers), explain.Command(servers, getenv), trace.Command(servers))
	section(root, "Work with files:", set.Command(getenv))
	root.AddCommand(config.Command(getenv), completion.Command(), version.Command())
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.HasSubCommands() {
			return nil // it only shows its help
		}
		return servers.SetNamespace(cmd.Flags())
	}
	return root
}

// section adds commands under a title of the help.
func section(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, cmd := range commands {
		cmd.GroupID = title
	}
	root.AddCommand(commands...)
}

// table is `tidemark get image all`, for the demo to show.
func table(ctx context.Context, server string, out io.Writer) error {
	var failure strings.Builder
	args := []string{"get", "image", "all", "--server", server}
	if Run(ctx, args, Streams{In: strings.NewReader(""), Out: out, Err: &failure}, func(string) string { return "" }) != 0 {
		return errors.New(strings.TrimSpace(failure.String()))
	}
	return nil
}
