// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package version shows the version of this program. It asks no server.
package version

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/platform/version"
)

// Command is `tidemark version`.
func Command() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this program",
		Example: "  tidemark version\n  tidemark version -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := shown(output)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), text); err != nil {
				return fmt.Errorf("write the version: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "yaml", "form of the output: yaml or json")
	return cmd
}

func shown(output string) (string, error) {
	switch output {
	case "yaml":
		return "tidemark: " + version.Version(), nil
	case "json":
		text, err := json.MarshalIndent(map[string]string{"tidemark": version.Version()}, "", "  ")
		if err != nil {
			return "", fmt.Errorf("write the version: %w", err)
		}
		return string(text), nil
	default:
		return "", fmt.Errorf("-o %s: the output is yaml or json", output)
	}
}
