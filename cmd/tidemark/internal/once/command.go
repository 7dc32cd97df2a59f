// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package once

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/platform/config"
	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/output"
)

// defaultTimeout bounds the whole loop.
const defaultTimeout = 5 * time.Minute

// Command is `tidemark once`. getenv is asked for NO_COLOR.
func Command(getenv func(string) string) *cobra.Command {
	v := &verb{getenv: getenv}
	cmd := &cobra.Command{
		Use:   "once --manifests DIR|FILE|GIT-URL…",
		Short: "Run the whole loop one time in this process, for a CI job",
		Long: `Run the whole loop one time in this process: read manifests, scan each image repository, evaluate each policy, run each
automation, and end. Nothing listens on any port, and no server is needed. With --dry-run the automations are previewed:
their commits are shown as message and diff, and nothing is pushed.

What the services know is kept in a temporary folder, or in --data-dir: give it where first-seen times (latest,
minimumAge) and the memory of commits that somebody has undone are to last from one job to the next. It must be a folder
that only this verb uses.

A mistake in a manifest ends it before anything is done. What fails after that keeps nothing else from being done; the exit
code is 1. Objects that their manifests suspend are skipped, and said so; Receivers are left out. v1/Secret manifests are taken, and secrets stay in memory.

Each flag is also an environment variable (--data-dir: TIDEMARK_DATA_DIR).`,
		Example: `  tidemark once --manifests ./clusters/production --secrets-dir /run/secrets/tidemark

  # In a pull request: what would be committed?
  tidemark once --manifests ./clusters/production --dry-run`,
		Args: cobra.NoArgs,
		RunE: v.run,
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&v.options.Manifests, "manifests", nil, "folder, file or Git URL (?ref=, ?path=) of manifests; may be given several times (required)")
	flags.StringVar(&v.options.ManifestsSecret, "manifests-secret", "", "secret of --secrets-dir, in flux-system, with the Git URLs' credential")
	flags.StringVarP(&v.options.Namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the objects that name none")
	flags.StringVar(&v.options.SecretsDir, "secrets-dir", "", "folder of secrets: <namespace>/<name>/<key>")
	flags.StringVar(&v.options.DataDir, "data-dir", "", "folder that keeps what is known from one job to the next (default: nothing is kept)")
	flags.StringVar(&v.options.NamespaceLabels, "namespace-labels", "", "YAML file: namespace to label to value")
	flags.BoolVar(&v.options.NoCrossNamespaceRefs, "no-cross-namespace-refs", false, "refuse automations that refer to a GitRepository of another namespace")
	flags.BoolVar(&v.options.DryRun, "dry-run", false, "show what would be committed, and push nothing")
	flags.StringVar(&v.options.LogLevel, "log-level", "error", "of the services' log lines: debug, info, warn or error")
	flags.DurationVar(&v.timeout, "timeout", defaultTimeout, "how long the whole loop may take")
	flags.BoolVar(&v.noHeader, "no-header", false, "leave out the table's header")
	v.output.Add(flags, "a table, with --dry-run messages and diffs")
	return cmd
}

// verb is the flags.
type verb struct {
	getenv   func(string) string
	options  Options
	timeout  time.Duration
	noHeader bool
	output   output.Form
}

func (v *verb) run(cmd *cobra.Command, _ []string) error {
	if err := config.Load(cmd.LocalNonPersistentFlags()); err != nil {
		return err
	}
	if err := v.output.Check(); err != nil {
		return err
	}
	switch {
	case len(v.options.Manifests) == 0:
		return errors.New("--manifests is required: a folder, or a file, of manifests")
	case v.timeout <= 0:
		return errors.New("--timeout must be a time to come")
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), v.timeout, fmt.Errorf("not done within --timeout %s", v.timeout))
	defer cancel()
	v.options.LogOutput = cmd.ErrOrStderr()
	report, err := Run(ctx, v.options, cmd.ErrOrStderr())
	return errors.Join(v.write(cmd, report), err)
}

func (v *verb) write(cmd *cobra.Command, report *Report) error {
	switch {
	case !v.output.Own():
		return v.output.WriteValue(cmd.OutOrStdout(), report)
	case v.options.DryRun:
		return report.Diffs(cmd.OutOrStdout(), v.getenv)
	}
	return report.Table(cmd.OutOrStdout(), v.noHeader)
}
