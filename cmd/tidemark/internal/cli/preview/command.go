// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package preview shows what an automation would commit now. The updater says it, and pushes nothing.
package preview

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/diff"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/output"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/reconcile"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// changed is the exit code of --exit-code where something would change. 1 says that something failed.
const changed = terminal.ExitError(2)

// maxAnswer is the largest answer that is taken: a diff may have 16 MiB, and the run stands beside it.
const maxAnswer = 32 << 20

// Command is `tidemark preview`. getenv is asked for NO_COLOR.
func Command(servers *connection.Servers, getenv func(string) string) *cobra.Command {
	v := &verb{servers: servers, getenv: getenv}
	update := &cobra.Command{
		Use:     "update NAME",
		Aliases: []string{"updates"},
		Short:   "Show what an image update automation would commit now",
		Long: `Show what an image update automation would commit now: the commit's message and its diff, on standard output as git
shows a commit, so that git can apply it; what would be left alone, and why, on standard error. Nothing is pushed or
stored, and a suspended automation is previewed as well. Colours are for terminals, and off where NO_COLOR is set.

The exit code is 0, and 1 if something failed. With --exit-code it is 2 where something would change.`,
		Example: `  tidemark preview image update flux-system

  # Into the pull request that changes the policy
  tidemark preview image update flux-system -o json`,
		Args: group.OneName(kinds.ImageUpdateAutomation().Noun),
		RunE: v.run,
	}
	flags := update.Flags()
	servers.AddFlags(flags)
	flags.StringVarP(&v.namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the object")
	flags.BoolVar(&v.exitCode, "exit-code", false, "exit with 2 where something would change")
	v.output.Add(flags, "message and diff")
	return group.Command(cobra.Command{
		Use: "preview", Short: "Show what an automation would commit now, and push nothing", Example: "  tidemark preview image update flux-system",
	}, group.Command(cobra.Command{
		Use: "image", Aliases: []string{"images"}, Short: "Show what an image update automation would commit now",
	}, update))
}

// verb is the command's state: the flags, and where the services are.
type verb struct {
	servers   *connection.Servers
	getenv    func(string) string
	namespace string
	exitCode  bool
	output    output.Form
}

func (v *verb) run(cmd *cobra.Command, args []string) error {
	if err := v.output.Check(); err != nil {
		return err
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	conn, err := v.servers.To(ctx, kinds.Updater)
	if err != nil {
		return err
	}
	progress := terminal.New(cmd.ErrOrStderr())
	progress.Action("previewing ImageUpdateAutomation %s in %s namespace", args[0], v.namespace)
	answer, err := Ask(ctx, conn, v.namespace, args[0])
	if err != nil {
		return err
	}
	reconcile.Warnings(answer.GetRun(), progress)
	if v.output.Own() {
		err = Show(cmd.OutOrStdout(), answer, v.getenv)
	} else {
		err = v.output.Write(cmd.OutOrStdout(), answer)
	}
	if err != nil {
		return err
	}
	Summary(answer.GetRun(), progress)
	if v.exitCode && len(answer.GetRun().GetChanges()) > 0 {
		return changed
	}
	return nil
}

// Ask asks what an automation would do.
func Ask(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) (*updaterv1.PreviewImageUpdateAutomationResponse, error) {
	return updaterv1.NewImageUpdateAutomationServiceClient(conn).PreviewImageUpdateAutomation(ctx,
		&updaterv1.PreviewImageUpdateAutomationRequest{Namespace: namespace, Name: name}, grpc.MaxCallRecvMsgSize(maxAnswer))
}

// Summary says in one line what would change.
func Summary(run *updaterv1.Run, progress terminal.Progress) {
	changes := run.GetChanges()
	if n := len(run.GetHeld()); len(changes) == 0 && n > 0 {
		progress.Success("no updates would be made; %s held", terminal.Count(n, "value"))
		return
	}
	if len(changes) == 0 {
		progress.Success("no updates would be made; repository up-to-date")
		return
	}
	files := map[string]bool{}
	for _, c := range changes {
		files[c.GetPath()] = true
	}
	progress.Success("would commit %s in %s to branch '%s'; nothing was pushed",
		terminal.Count(len(changes), "value"), terminal.Count(len(files), "file"), run.GetBranch())
}

// Show writes the message, indented as git does it, and the diff. Where nothing would change it writes nothing.
func Show(out io.Writer, answer *updaterv1.PreviewImageUpdateAutomationResponse, getenv func(string) string) error {
	if answer.GetDiff() == "" {
		return nil
	}
	var message strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(answer.GetRun().GetCommitMessage()), "\n") {
		message.WriteString(strings.TrimRight("    "+terminal.Clean(strings.TrimSuffix(line, "\r")), " ") + "\n")
	}
	if _, err := fmt.Fprintln(out, message.String()); err != nil {
		return fmt.Errorf("write the message: %w", err)
	}
	return diff.Show(out, answer.GetDiff(), getenv)
}
