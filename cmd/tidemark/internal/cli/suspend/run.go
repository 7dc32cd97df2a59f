// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package suspend

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/reconcile"
)

const (
	firstLook = 50 * time.Millisecond
	slowLook  = time.Second
	// patience is how long a run may take to begin. One begins when an automation is resumed; another automation of its
	// branch may be in the way.
	patience = 15 * time.Second
)

// showRun waits for the run that the resumption causes, and shows how it ended. It asks for no run of its own as long as one
// comes: the first one makes the commit, and a second would say that there was nothing to do.
func (w *work) showRun(ctx context.Context, r resumed) error {
	began := time.Now()
	for pause := firstLook; ; pause = min(pause*2, slowLook) {
		run, err := lastRun(ctx, r.Conn, w.which.Namespace, r.Name())
		switch {
		case err != nil:
			return err
		case later(run, r.last) && run.GetEndTime() != nil:
			return reconcile.Ended(run, w.progress)
		case !later(run, r.last) && time.Since(began) > patience:
			return reconcile.Run(ctx, r.Conn, reconcile.Target{Namespace: w.which.Namespace, Name: r.Name()}, w.progress)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it is resumed, but its run was not seen: %w", context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// later says whether a run is not the one that was the last before. A record of runs that say the same is one that moves on.
func later(run, last *updaterv1.Run) bool {
	return run != nil && (last == nil || run.GetId() != last.GetId() || run.GetStartTime().AsTime().After(last.GetStartTime().AsTime()))
}

// lastRun is an automation's last run; nil: there was none.
func lastRun(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) (*updaterv1.Run, error) {
	answer, err := updaterv1.NewImageUpdateAutomationServiceClient(conn).ListRuns(ctx,
		&updaterv1.ListRunsRequest{Namespace: namespace, Name: name, PageSize: 1})
	if err != nil {
		return nil, err
	}
	if len(answer.GetRuns()) == 0 {
		return nil, nil
	}
	return answer.GetRuns()[0], nil
}
