// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/platform/config"
)

// Command is `tidemark up`.
func Command() *cobra.Command {
	var options Options
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run the three services in this process",
		Long: `Run scanner, resolver and updater in this process, on one address, until SIGINT or SIGTERM.

State is kept in --data-dir by an etcd inside the process, or in the cluster that --etcd-endpoints names. With
--manifests the objects of a folder are applied and followed: what changes there is reconciled within a second or two,
and what was deleted there is deleted. v1/Secret and v1/Namespace manifests are taken too; secrets stay in memory.

Each flag is also an environment variable (--data-dir: TIDEMARK_DATA_DIR) and a key of the --config file. Traces are sent
where OTEL_EXPORTER_OTLP_ENDPOINT says, and nowhere without it.`,
		Example: "  tidemark up --manifests ./clusters/production\n" +
			"  tidemark up --data-dir /var/lib/tidemark --secrets-dir /etc/tidemark/secrets",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := config.Load(cmd.LocalNonPersistentFlags()); err != nil {
				return err
			}
			options.LogOutput = cmd.ErrOrStderr()
			return Run(cmd.Context(), options)
		},
	}
	flags := cmd.Flags()
	options.Common.AddFlags(flags, config.Common{Listen: "127.0.0.1:9000", HTTPListen: "127.0.0.1:9100"})
	options.Scanner.Add(flags)
	options.Updater.Add(flags)
	flags.StringVar(&options.Manifests, "manifests", "", "folder or file of manifests to follow")
	return cmd
}
