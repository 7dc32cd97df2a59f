// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// apply sends one object and says what became of it. What its service refuses is shown and counted, and a service that
// does not answer is asked once. The error is one that leaves no sense in going on.
func (a *application) apply(ctx context.Context, o *manifest.Object) error {
	kind, err := kinds.Of(o.Message)
	if err != nil {
		return err
	}
	if a.away[kind.Service] {
		a.failed++
		return nil
	}
	conn, err := a.servers.To(ctx, kind.Service)
	if err != nil {
		return err
	}
	outcome, err := send(ctx, conn, kind, o)
	switch {
	case err == nil:
		a.applied++
		return a.say(kind, o, outcome)
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

func send(ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, o *manifest.Object) (metav1.ApplyOutcome, error) {
	object, ok := o.Message.(kinds.Object)
	if !ok {
		return 0, fmt.Errorf("%s is no object", o)
	}
	_, outcome, err := kind.Apply(ctx, conn, object, manager)
	return outcome, err
}

func (a *application) say(kind kinds.Kind, o *manifest.Object, outcome metav1.ApplyOutcome) error {
	if _, err := fmt.Fprintf(a.out, "%s/%s/%s %s\n", kind.Resource, o.Namespace, o.Name, word(outcome)); err != nil {
		return fmt.Errorf("write the outcome: %w", err)
	}
	return nil
}

// unreachable says once that a service, or the address that it shares with others, does not answer.
func (a *application) unreachable(service kinds.Service, err error) {
	a.failed++
	a.away[service] = true
	if !a.told[err.Error()] {
		a.told[err.Error()] = true
		a.progress.Failure("%v", err)
	}
}

// refused shows a service's refusal at the lines of the fields that it names.
func (a *application) refused(o *manifest.Object, err error) {
	for _, refusal := range kinds.Refusal(o, err) {
		a.fail(refusal.Detail())
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
