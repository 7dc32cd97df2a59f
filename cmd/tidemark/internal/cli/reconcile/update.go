// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/grpc"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/screen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// Run runs an ImageUpdateAutomation, and shows its steps as they are taken, a line each, and its end.
func Run(ctx context.Context, conn grpc.ClientConnInterface, t Target, progress terminal.Progress) error {
	return steps(ctx, conn, t, progress, nil)
}

// RunOn is Run where a person looks: steps that replace one another, such as a fetch's progress, are shown on a line.
func RunOn(line *screen.Line) Action {
	return func(ctx context.Context, conn grpc.ClientConnInterface, t Target, progress terminal.Progress) error {
		return steps(ctx, conn, t, progress, line)
	}
}

// passing is how the steps begin that replace one another: `fetching: 1200 objects, 3.4 MiB`.
const passing = "fetching:"

func steps(ctx context.Context, conn grpc.ClientConnInterface, t Target, progress terminal.Progress, line *screen.Line) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	steps, err := updaterv1.NewImageUpdateAutomationServiceClient(conn).RunImageUpdateAutomation(ctx,
		&updaterv1.RunImageUpdateAutomationRequest{Namespace: t.Namespace, Name: t.Name})
	if err != nil {
		return err
	}
	for {
		answer, err := steps.Recv()
		switch message := answer.GetStep().GetMessage(); {
		case errors.Is(err, io.EOF):
			return errors.New("the server ended the run without saying how it went; see `tidemark get image update`")
		case err != nil:
			return err
		case answer.GetRun() != nil:
			return Ended(answer.GetRun(), progress)
		case strings.HasPrefix(message, passing) && line != nil && line.Set(message):
		default:
			progress.Wait("%s", message)
		}
	}
}

// Ended shows how a run ended: what it left alone, what it changed, its commit. A failure is the error.
func Ended(run *updaterv1.Run, progress terminal.Progress) error {
	Warnings(run, progress)
	switch run.GetOutcome() {
	case updaterv1.RunOutcome_RUN_OUTCOME_PUSHED:
		for _, c := range run.GetChanges() {
			progress.Success("%s:%d %s → %s", c.GetPath(), c.GetLine(), c.GetOldValue(), c.GetNewValue())
		}
		progress.Success("committed revision %s", revision(run))
		return nil
	case updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE:
		if n := len(run.GetHeld()); n > 0 {
			progress.Success("no updates made; %s held", terminal.Count(n, "value"))
			return nil
		}
		progress.Success("no updates made; repository up-to-date")
		return nil
	default:
		if run.GetMessage() == "" {
			return fmt.Errorf("the run ended as %s", run.GetOutcome())
		}
		return errors.New(run.GetMessage())
	}
}

// Warnings shows what a run left alone, and what it held back.
func Warnings(run *updaterv1.Run, progress terminal.Progress) {
	for _, sentence := range LeftAlone(run) {
		progress.Warning("%s", sentence)
	}
}

// LeftAlone are the sentences about what a run left alone and what it held back; what both say is there once.
func LeftAlone(run *updaterv1.Run) []string {
	all := slices.Clone(run.GetWarnings())
	for _, held := range run.GetHeld() {
		if !told(run.GetWarnings(), held) {
			all = append(all, heldBack(held))
		}
	}
	return all
}

// heldBack is a held value in one line.
func heldBack(held *updaterv1.HeldValue) string {
	sentence := held.GetMessage()
	if sentence == "" {
		sentence = fmt.Sprintf("held at %s, though the policy says %s", held.GetValue(), held.GetProposedValue())
	}
	return fmt.Sprintf("%s:%d: %s", held.GetPath(), held.GetLine(), sentence)
}

// told says whether a warning says already what a held value's sentence says of its place.
func told(warnings []string, held *updaterv1.HeldValue) bool {
	return slices.ContainsFunc(warnings, func(warning string) bool {
		return strings.Contains(warning, held.GetMessage()) && strings.Contains(warning, held.GetPath())
	})
}

// revision is the commit as flux writes one: `main@sha1:1f3a9c2d`.
func revision(run *updaterv1.Run) string {
	commit := run.GetCommit()
	return run.GetBranch() + "@sha1:" + commit[:min(len(commit), 8)]
}
