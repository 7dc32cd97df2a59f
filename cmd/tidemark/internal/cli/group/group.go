// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package group makes commands that only hold other commands, such as `tidemark get image`: alone they print their help,
// and a word that is no command below them is an error and not, as cobra has it, ignored.
package group

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
)

// Command makes cmd, which must do nothing itself, the parent of children.
func Command(cmd cobra.Command, children ...*cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknown(cmd, args[0])
	}
	cmd.AddCommand(children...)
	return &cmd
}

func unknown(cmd *cobra.Command, word string) error {
	err := fmt.Errorf("unknown command %q for %q", word, cmd.CommandPath())
	var names, all []string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
			all = append(append(all, child.Name()), child.Aliases...)
		}
	}
	if near := suggestion.Nearest(word, all); near != "" {
		return fmt.Errorf("%w; did you mean %s?", err, near)
	}
	if begun := suggestion.Beginning(word, names); begun != "" {
		return fmt.Errorf("%w; did you mean %s?", err, begun)
	}
	return fmt.Errorf("%w; there is %s", err, strings.Join(names, ", "))
}
