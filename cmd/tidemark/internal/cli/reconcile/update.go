// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// run runs an ImageUpdateAutomation and shows its steps as they are taken.
func run(ctx context.Context, conn grpc.ClientConnInterface, t target, progress terminal.Progress) error {
	progress.Action("running ImageUpdateAutomation %s in %s namespace", t.name, t.namespace)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	steps, err := updaterv1.NewImageUpdateAutomationServiceClient(conn).RunImageUpdateAutomation(ctx,
		&updaterv1.RunImageUpdateAutomationRequest{Namespace: t.namespace, Name: t.name})
	if err != nil {
		return err
	}
	for {
		answer, err := steps.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("the server ended the run without saying how it went; see `tidemark get image update`")
		case err != nil:
			return err
		case answer.GetRun() != nil:
			return ended(answer.GetRun(), progress)
		default:
			progress.Wait("%s", answer.GetStep().GetMessage())
		}
	}
}

// ended shows how a run ended.
func ended(run *updaterv1.Run, progress terminal.Progress) error {
	for _, warning := range run.GetWarnings() {
		progress.Warning("%s", warning)
	}
	switch run.GetOutcome() {
	case updaterv1.RunOutcome_RUN_OUTCOME_PUSHED:
		for _, c := range run.GetChanges() {
			progress.Success("%s:%d %s → %s", c.GetPath(), c.GetLine(), c.GetOldValue(), c.GetNewValue())
		}
		progress.Success("committed revision %s", revision(run))
		return nil
	case updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE:
		progress.Success("no updates made; repository up-to-date")
		return nil
	default:
		if run.GetMessage() == "" {
			return fmt.Errorf("the run ended as %s", run.GetOutcome())
		}
		return errors.New(run.GetMessage())
	}
}

// revision is the commit as flux writes one: `main@sha1:1f3a9c2d`.
func revision(run *updaterv1.Run) string {
	commit := run.GetCommit()
	return run.GetBranch() + "@sha1:" + commit[:min(len(commit), 8)]
}
