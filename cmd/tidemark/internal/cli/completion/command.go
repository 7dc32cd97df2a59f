// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package completion completes words in a shell: it prints the shells' scripts, and answers what they ask. The servers are asked
// for names, for a moment and without a word where that fails.
package completion

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
)

// Command is `tidemark completion`.
func Command() *cobra.Command {
	return group.Command(cobra.Command{
		Use:   "completion",
		Short: "Print the script that completes words in your shell",
		Long: `Print the script that completes words in your shell: commands, flags and their values, and the names of objects, namespaces
and contexts, for which the server is asked.`,
		Example: `  # bash, with the package bash-completion, for this session
  source <(tidemark completion bash)

  # zsh, for good
  tidemark completion zsh > "${fpath[1]}/_tidemark"

  tidemark completion fish > ~/.config/fish/completions/tidemark.fish
  tidemark completion powershell | Out-String | Invoke-Expression`,
	},
		shell("bash", func(root *cobra.Command, out io.Writer) error { return root.GenBashCompletionV2(out, true) }),
		shell("zsh", (*cobra.Command).GenZshCompletion),
		shell("fish", func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) }),
		shell("powershell", (*cobra.Command).GenPowerShellCompletionWithDesc),
	)
}

func shell(name string, script func(*cobra.Command, io.Writer) error) *cobra.Command {
	return &cobra.Command{
		Use:               name,
		Short:             "Print the script for " + name,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := script(cmd.Root(), cmd.OutOrStdout()); err != nil {
				return fmt.Errorf("write the script for %s: %w", name, err)
			}
			return nil
		},
	}
}
