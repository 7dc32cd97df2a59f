// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/given"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// application is one run of the verb.
type application struct {
	servers  *connection.Servers
	dryRun   bool
	manager  string
	out      io.Writer
	progress terminal.Progress

	failed bool
	// away are the services that do not answer, told the sentences that say so.
	away map[kinds.Service]bool
	told map[string]bool
}

// apply sends one object and says what became of it. What its service refuses is shown, and a service that does not answer
// is asked once. The error is one that leaves no sense in going on.
func (a *application) apply(ctx context.Context, o *manifest.Object) error {
	kind, err := kinds.Of(o.Message)
	if err != nil {
		return err
	}
	if a.away[kind.Service] {
		a.failed = true
		return nil
	}
	conn, err := a.servers.To(ctx, kind.Service)
	if err != nil {
		return err
	}
	outcome, err := a.send(ctx, conn, kind, o)
	switch {
	case err == nil:
		return a.say(kind, o.Namespace, o.Name, word(outcome))
	case ctx.Err() != nil:
		return err
	case errors.Is(err, connection.ErrUnreachable):
		a.unreachable(kind.Service, err)
		return nil
	default:
		a.refused(o, err)
		return nil
	}
}

// send applies the object, or has it checked; where a followed folder manages it, that is said first.
func (a *application) send(ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, o *manifest.Object) (metav1.ApplyOutcome, error) {
	object, ok := o.Message.(kinds.Object)
	if !ok {
		return 0, fmt.Errorf("%s is no object", o)
	}
	stored, err := kind.Get(ctx, conn, o.Namespace, o.Name)
	if err != nil && !errors.Is(err, rpcerr.ErrNotFound) {
		return 0, err
	}
	send := kind.Apply
	if a.dryRun {
		send = kind.Validate
	}
	_, outcome, err := send(ctx, conn, object, a.manager)
	if err == nil && outcome == metav1.ApplyOutcome_APPLY_OUTCOME_CONFIGURED && kinds.ManagedBy(stored, kinds.WayManifests) {
		a.progress.Warning("%s/%s/%s is managed by %s, which will undo what differs from it: change it there",
			kind.Resource, o.Namespace, o.Name, stored.GetMetadata().GetManagedBy())
	}
	return outcome, err
}

func (a *application) say(kind kinds.Kind, namespace, name, what string) error {
	if a.dryRun {
		what += " (dry run)"
	}
	if _, err := fmt.Fprintf(a.out, "%s/%s/%s %s\n", kind.Resource, namespace, name, what); err != nil {
		return fmt.Errorf("write the outcome: %w", err)
	}
	return nil
}

// unreachable says once that a service, or the address that it shares with others, does not answer.
func (a *application) unreachable(service kinds.Service, err error) {
	a.failed = true
	a.away[service] = true
	if !a.told[err.Error()] {
		a.told[err.Error()] = true
		a.progress.Failure("%v", err)
	}
}

// refused shows a service's refusal at the lines of the fields that it names.
func (a *application) refused(o *manifest.Object, err error) {
	a.failed = true
	for _, refusal := range kinds.Refusal(o, err) {
		given.Mistake(a.progress, refusal)
	}
}

func word(outcome metav1.ApplyOutcome) string {
	switch outcome {
	case metav1.ApplyOutcome_APPLY_OUTCOME_CREATED:
		return "created"
	case metav1.ApplyOutcome_APPLY_OUTCOME_CONFIGURED:
		return "configured"
	case metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED:
		return "unchanged"
	default:
		return "applied"
	}
}
