// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package history shows what automations have done: their runs, or one of them in full. It asks the updater, whose records
// they are, and not Git: what was not pushed is told here as well.
package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/output"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// pageSize is what is asked for at once: the most that a request may ask.
const pageSize = 100

// Command is `tidemark history`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	update := &cobra.Command{
		Use:     "update NAME",
		Aliases: []string{"updates"},
		Short:   "Show the runs of an image update automation, the last one first",
		Long: `Show the runs of an image update automation, the last one first: when and why each ran, how it ended, and what it
committed. The last 50 runs with a commit are kept, and the last 50 without; runs that follow one another and say the same
are one row, with ×N for how many they are. --run shows one run in full: each value with its place, what was held back and
why, the warnings, the trace.`,
		Example: `  tidemark history image update flux-system
  tidemark history image update flux-system --outcome pushed,failed --limit 10

  # What did that commit change, and why?
  tidemark history image update flux-system --run 1f3a9c2`,
		Args: group.OneName(kinds.ImageUpdateAutomation().Noun),
		RunE: v.run,
	}
	flags := update.Flags()
	servers.AddFlags(flags)
	flags.StringVarP(&v.namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the object")
	flags.IntVar(&v.limit, "limit", 0, "show so many runs at most, the last ones (default: all that are kept)")
	flags.StringSliceVar(&v.outcomes, "outcome", nil, "only runs that ended so: pushed, failed, up-to-date or running; several with commas")
	flags.StringVar(&v.which, "run", "", "show one run in full: its id, or the beginning of its commit's")
	flags.BoolVar(&v.noHeader, "no-header", false, "leave out the table's header")
	v.output.Add(flags, "a table", output.Wide, output.Name)
	return group.Command(cobra.Command{
		Use: "history", Short: "Show what automations have done", Example: "  tidemark history image update flux-system",
	}, group.Command(cobra.Command{Use: "image", Aliases: []string{"images"}, Short: "Show what image update automations have done"}, update))
}

// verb is the command's state: the flags, and where the services are.
type verb struct {
	servers   *connection.Servers
	namespace string
	limit     int
	outcomes  []string
	which     string
	noHeader  bool
	output    output.Form
}

func (v *verb) run(cmd *cobra.Command, args []string) error {
	if err := v.output.Check(); err != nil {
		return err
	}
	outcomes, err := parseOutcomes(v.outcomes)
	switch {
	case err != nil:
		return err
	case v.limit < 0:
		return errors.New("--limit is a number of runs; it cannot be negative")
	case v.which != "" && (v.limit > 0 || len(outcomes) > 0):
		return errors.New("--run shows one run: use it without --limit and --outcome")
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	conn, err := v.servers.To(ctx, kinds.Updater)
	if err != nil {
		return err
	}
	req := &updaterv1.ListRunsRequest{Namespace: v.namespace, Name: args[0], Outcomes: outcomes, PageSize: pageSize}
	runs, err := v.list(ctx, conn, req)
	switch {
	case err != nil:
		return err
	case v.which != "":
		run, err := pick(runs, v.which, args[0])
		if err != nil {
			return err
		}
		return v.writeOne(cmd.OutOrStdout(), run)
	case len(runs) == 0:
		terminal.New(cmd.ErrOrStderr()).Warning("no runs of ImageUpdateAutomation %s are recorded%s", args[0], among(v.outcomes))
	}
	return v.write(cmd.OutOrStdout(), runs)
}

func among(outcomes []string) string {
	if len(outcomes) == 0 {
		return ""
	}
	return " that ended so"
}

// list turns all pages, or as many as are to be shown.
func (v *verb) list(ctx context.Context, conn grpc.ClientConnInterface, req *updaterv1.ListRunsRequest) ([]*updaterv1.Run, error) {
	var all []*updaterv1.Run
	client := updaterv1.NewImageUpdateAutomationServiceClient(conn)
	for {
		page, err := client.ListRuns(ctx, req)
		if err != nil {
			return nil, err
		}
		all = append(all, page.GetRuns()...)
		if v.limit > 0 && len(all) >= v.limit {
			return all[:v.limit], nil
		}
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			return all, nil
		}
	}
}

// write writes runs in the form that is asked for.
func (v *verb) write(out io.Writer, runs []*updaterv1.Run) error {
	switch {
	case v.output.Document():
		// A list that is empty is written as such: whoever reads it need not know what is left out.
		documents := make([]json.RawMessage, len(runs))
		for i, run := range runs {
			text, err := protojson.Marshal(run)
			if err != nil {
				return fmt.Errorf("write the runs: %w", err)
			}
			documents[i] = text
		}
		return v.output.WriteValue(out, struct {
			Runs []json.RawMessage `json:"runs"`
		}{documents})
	case v.output.Is(output.Name):
		for _, run := range runs {
			if _, err := fmt.Fprintln(out, terminal.Clean(run.GetId())); err != nil {
				return fmt.Errorf("write the runs: %w", err)
			}
		}
		return nil
	case len(runs) == 0:
		return nil
	}
	header, rows := rowsOf(runs, v.output.Is(output.Wide))
	return table.New(out, header, v.noHeader).Write(rows)
}

func (v *verb) writeOne(out io.Writer, run *updaterv1.Run) error {
	switch {
	case v.output.Document():
		return v.output.Write(out, run)
	case v.output.Is(output.Name):
		return v.write(out, []*updaterv1.Run{run})
	}
	return full(out, run)
}
