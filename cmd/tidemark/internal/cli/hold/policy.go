// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package hold

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/outcome"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// hold pins the answer of an ImagePolicy.
func (o *options) hold(ctx context.Context, conn grpc.ClientConnInterface, t target, progress terminal.Progress) error {
	req := &resolverv1.HoldImagePolicyRequest{Namespace: t.namespace, Name: t.name, Reason: o.reason, Actor: o.who()}
	at := o.tag
	if o.current {
		at = "its current tag"
		req.Target = &resolverv1.HoldImagePolicyRequest_Current{Current: &resolverv1.Current{}}
	} else {
		req.Target = &resolverv1.HoldImagePolicyRequest_Tag{Tag: o.tag}
	}
	if o.lasts > 0 {
		req.Until = timestamppb.New(time.Now().Add(o.lasts))
	}
	progress.Action("holding ImagePolicy %s in %s namespace at %s", t.name, t.namespace, at)
	answer, err := resolverv1.NewImagePolicyServiceClient(conn).HoldImagePolicy(ctx, req)
	if err != nil {
		return err
	}
	policy := answer.GetImagePolicy()
	if c := kinds.Ready(policy); c.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_FALSE {
		progress.Warning("%s", c.GetMessage())
	}
	hold := policy.GetOverride().GetHold()
	if hold.GetUntil() == nil {
		progress.Success("%s is held until `tidemark release image policy %s`", hold.GetTag(), t.name)
	} else {
		progress.Success("%s is held until %s", hold.GetTag(), hold.GetUntil().AsTime().Local().Format(time.RFC3339))
	}
	return nil
}

// release takes the hold of an ImagePolicy back.
func release(ctx context.Context, conn grpc.ClientConnInterface, t target, progress terminal.Progress) error {
	progress.Action("releasing ImagePolicy %s in %s namespace", t.name, t.namespace)
	answer, err := resolverv1.NewImagePolicyServiceClient(conn).ReleaseImagePolicy(ctx,
		&resolverv1.ReleaseImagePolicyRequest{Namespace: t.namespace, Name: t.name})
	if err != nil {
		return err
	}
	policy := answer.GetImagePolicy()
	if c := kinds.Ready(policy); c.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_FALSE {
		progress.Warning("%s", c.GetMessage())
	}
	if policy.GetStatus().GetLatestRef() == nil {
		progress.Success("released; there is no answer yet")
		return nil
	}
	progress.Success("%s", outcome.Of(policy))
	return nil
}
