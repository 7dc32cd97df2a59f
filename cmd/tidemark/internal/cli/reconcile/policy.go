// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/outcome"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Evaluate evaluates an ImagePolicy, and says what was selected.
func Evaluate(ctx context.Context, conn grpc.ClientConnInterface, t Target, progress terminal.Progress) error {
	answer, err := resolverv1.NewImagePolicyServiceClient(conn).ReconcileImagePolicy(ctx,
		&resolverv1.ReconcileImagePolicyRequest{Namespace: t.Namespace, Name: t.Name})
	if err != nil {
		return err
	}
	policy := answer.GetImagePolicy()
	for _, warning := range policy.GetStatus().GetWarnings() {
		progress.Warning("%s", warning)
	}
	if c := kinds.Ready(policy); c.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_FALSE {
		return errors.New(c.GetMessage())
	}
	progress.Success("%s", outcome.Of(policy))
	return nil
}
