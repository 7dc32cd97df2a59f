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
--manifests the objects of a folder, or of a Git repository, are applied and followed: what changes in a folder is
reconciled within a second or two, what is pushed to a repository at the next --manifests-interval, and what was deleted
there is deleted. v1/Secret and v1/Namespace manifests are taken too; secrets stay in memory.

A Git URL is https, http or ssh, with ?ref= (a branch, a tag, semver:RANGE or a commit; the remote's HEAD without) and
&path= (a folder of it). While it cannot be fetched, what was applied stays. What is in the manifests is theirs: a change
by hand is undone. What others applied is never deleted, nor is anything when no object is left at all, unless
--manifests-allow-empty says so. An object with the annotation tidemark.io/prune: disabled stays without its manifest.

Each flag is also an environment variable (--data-dir: TIDEMARK_DATA_DIR) and a key of the --config file. Traces are sent
where OTEL_EXPORTER_OTLP_ENDPOINT says, and nowhere without it.`,
		Example: "  tidemark up --manifests ./clusters/production\n" +
			"  tidemark up --manifests 'https://git.example.com/fleet.git?ref=main&path=clusters/production'\n" +
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
	flags.StringVar(&options.Manifests, "manifests", "", "folder, file or Git URL (?ref=, ?path=) of manifests to follow")
	flags.DurationVar(&options.Following.Interval, "manifests-interval", DefaultInterval, "how often a Git URL is looked at, and changes by hand are undone")
	flags.DurationVar(&options.Following.Timeout, "manifests-timeout", DefaultTimeout, "how long one look at a Git URL may take; the first one fetches all")
	flags.StringVar(&options.Following.Secret, "manifests-secret", "", "secret of --secrets-dir, in flux-system, with a Git URL's credential")
	flags.BoolVar(&options.Following.AllowEmpty, "manifests-allow-empty", false, "delete all that the manifests brought when they have no object any more")
	flags.StringArrayVar(&options.Following.Formerly, "manifests-formerly", nil, "folder or Git URL that the manifests were at before; may be given several times")
	return cmd
}
