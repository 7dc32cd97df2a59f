// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package set writes images at the marked places of local files: what an automation does in a Git repository, with no
// server, no policy and no Git. It asks nobody which image is right; the person who calls it knows.
package set

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/diff"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/output"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// Command is `tidemark set`. getenv is asked for NO_COLOR.
func Command(getenv func(string) string) *cobra.Command {
	v := &verb{getenv: getenv}
	cmd := &cobra.Command{
		Use:   "set --path DIR|FILE --image NAMESPACE:NAME=IMAGE:TAG[@DIGEST]…",
		Short: "Write images at the marked places of local files; no server is needed",
		Long: `Write images at the places of local files that markers name, as an automation does it in Git: only the bytes of the
values change, and a file that cannot be edited so is left alone. The files are those with the ending .yaml or .yml, and
Kustomization; .git is left out, and no symbolic link is followed. A file that changes is replaced as a whole, by one with
its mode and owner; the others are not touched.

The exit code is 1 if a file could not be handled, or a marker that --image names could not be obeyed; what could be
written is written. With --strict it is 1 also for markers that no --image names, that cannot be read, and for an --image
that no marker names.`,
		Example: `  # What would change?
  tidemark set --path ./apps --image flux-system:podinfo=ghcr.io/stefanprodan/podinfo:6.5.1 --dry-run

  # Two images, one with its digest
  tidemark set --path ./apps \
    --image flux-system:podinfo=ghcr.io/stefanprodan/podinfo:6.5.1 \
    --image flux-system:redis=redis:7.2@sha256:3f4a5b6c…`,
		Args: cobra.NoArgs,
		RunE: v.run,
	}
	flags := cmd.Flags()
	flags.StringVar(&v.path, "path", "", "folder, with all its folders, or file (required)")
	flags.StringArrayVar(&v.images, "image", nil,
		"the image of a marker's policy, NAMESPACE:NAME=IMAGE:TAG[@DIGEST]; may be given several times (required)")
	flags.BoolVar(&v.dryRun, "dry-run", false, "print what would change as a unified diff, and write nothing")
	flags.BoolVar(&v.strict, "strict", false, "fail also for markers that no --image names, and for an --image that no marker names")
	flags.BoolVar(&v.noHeader, "no-header", false, "leave out the table's header")
	v.output.Add(flags, "a table, with --dry-run a diff", output.Name)
	return cmd
}

// verb is the flags.
type verb struct {
	getenv   func(string) string
	path     string
	images   []string
	dryRun   bool
	strict   bool
	noHeader bool
	output   output.Form
}

func (v *verb) run(cmd *cobra.Command, _ []string) error {
	if err := v.output.Check(); err != nil {
		return err
	}
	if v.path == "" {
		return errors.New("--path is required: the folder, or the file, with the marked values")
	}
	images, err := parseImages(v.images)
	if err != nil {
		return err
	}
	w := &work{
		images: images, dryRun: v.dryRun, strict: v.strict, progress: terminal.New(cmd.ErrOrStderr()), named: map[policy]bool{},
	}
	if v.dryRun && v.output.Own() {
		w.show = func(text string) error { return diff.Show(cmd.OutOrStdout(), text, v.getenv) }
	}
	if err := w.walk(cmd.Context(), v.path); err != nil {
		return errors.Join(v.write(cmd.OutOrStdout(), w), err)
	}
	w.reportUnused()
	if err := v.write(cmd.OutOrStdout(), w); err != nil {
		return err
	}
	return w.end()
}

// write writes what was changed, or would be.
func (v *verb) write(out io.Writer, w *work) error {
	switch {
	case v.output.Document():
		return v.output.WriteValue(out, struct {
			Changes  []changed `json:"changes"`
			Problems []problem `json:"problems"`
		}{append([]changed{}, w.changes...), append([]problem{}, w.problems...)})
	case v.output.Is(output.Name):
		for _, file := range w.files() {
			if _, err := fmt.Fprintln(out, terminal.Clean(file)); err != nil {
				return fmt.Errorf("write the names: %w", err)
			}
		}
		return nil
	case v.dryRun || len(w.changes) == 0:
		return nil
	}
	rows := make([][]string, len(w.changes))
	for i, c := range w.changes {
		rows[i] = []string{fmt.Sprintf("%s:%d", c.Path, c.Line), c.Setter, c.OldValue, c.NewValue}
	}
	return table.New(out, []string{"FILE:LINE", "MARKER", "OLD", "NEW"}, v.noHeader).Write(rows)
}
