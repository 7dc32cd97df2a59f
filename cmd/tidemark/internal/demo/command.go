// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"github.com/spf13/cobra"
)

// Command is `tidemark demo`. table prints what `tidemark get image all` prints.
func Command(table Table) *cobra.Command {
	options := Options{Table: table}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job on loopback, from a pushed tag to the commit",
		Long: `Show the main job with real parts on loopback: a registry and a Git server are started, and the three services beside
them; tags are pushed, and their way into Git is shown as it happens. It takes seconds, ends by itself with exit code 0
if all of it was seen, and leaves nothing behind. git must be installed; nothing else is needed.

The commands below it start the registry and the Git server by themselves, and push images, for a tutorial.`,
		Example: "  tidemark demo\n  tidemark demo --keep\n  tidemark demo parts --dir parts",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Out, options.Logs = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return Run(cmd.Context(), options)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&options.Keep, "keep", false, "leave everything running afterwards, until Ctrl-C, and print the addresses")
	flags.StringVar(&options.Listen, "listen", "", "gRPC address of the services; empty: a free port, with --keep 127.0.0.1:9000")
	flags.StringVar(&options.HTTPListen, "http-listen", "", "HTTP address of the services; empty: a free port, with --keep 127.0.0.1:9100")
	cmd.AddCommand(partsCommand(), pushCommand())
	return cmd
}
