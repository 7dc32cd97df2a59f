// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"context"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
)

// ImagePolicy is the kind of the policies that select a tag.
func ImagePolicy() Kind {
	return Kind{
		Noun:     "ImagePolicy",
		Human:    "image policy",
		Resource: "imagepolicy",
		Service:  Resolver,
		Empty:    &resolverv1.ImagePolicy{},
		calls:    calls{apply: applyImagePolicy, get: getImagePolicy, list: listImagePolicies, remove: removeImagePolicy, watch: watchImagePolicies, suspend: suspendImagePolicy, resume: resumeImagePolicy},
	}
}

func applyImagePolicy(ctx context.Context, conn grpc.ClientConnInterface, r applyRequest) (Object, metav1.ApplyOutcome, error) {
	object, err := as[*resolverv1.ImagePolicy](r.object)
	if err != nil {
		return nil, 0, err
	}
	answer, err := resolverv1.NewImagePolicyServiceClient(conn).ApplyImagePolicy(ctx,
		&resolverv1.ApplyImagePolicyRequest{ImagePolicy: object, Manager: r.manager, ValidateOnly: r.validateOnly})
	if err != nil {
		return nil, 0, err
	}
	return answer.GetImagePolicy(), answer.GetOutcome(), nil
}

func getImagePolicy(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) (Object, error) {
	answer, err := resolverv1.NewImagePolicyServiceClient(conn).GetImagePolicy(ctx,
		&resolverv1.GetImagePolicyRequest{Namespace: namespace, Name: name})
	if err != nil {
		return nil, err
	}
	return answer.GetImagePolicy(), nil
}

func listImagePolicies(ctx context.Context, conn grpc.ClientConnInterface, f Filter, token string) ([]Object, string, error) {
	answer, err := resolverv1.NewImagePolicyServiceClient(conn).ListImagePolicies(ctx,
		&resolverv1.ListImagePoliciesRequest{Namespace: f.Namespace, LabelSelector: f.LabelSelector, PageToken: token})
	if err != nil {
		return nil, "", err
	}
	return objects(answer.GetImagePolicies()), answer.GetNextPageToken(), nil
}

func watchImagePolicies(ctx context.Context, conn grpc.ClientConnInterface, f Filter, token string) (func() (Event, error), error) {
	return events[resolverv1.ImagePolicy](
		resolverv1.NewImagePolicyServiceClient(conn).WatchImagePolicies(ctx,
			&resolverv1.WatchImagePoliciesRequest{Namespace: f.Namespace, LabelSelector: f.LabelSelector, ResumeToken: token}))
}

func removeImagePolicy(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) error {
	_, err := resolverv1.NewImagePolicyServiceClient(conn).DeleteImagePolicy(ctx,
		&resolverv1.DeleteImagePolicyRequest{Namespace: namespace, Name: name})
	return err
}

func suspendImagePolicy(ctx context.Context, conn grpc.ClientConnInterface, w Word) (Object, error) {
	answer, err := resolverv1.NewImagePolicyServiceClient(conn).SuspendImagePolicy(ctx,
		&resolverv1.SuspendImagePolicyRequest{Namespace: w.Namespace, Name: w.Name, Reason: w.Reason, Actor: w.Actor})
	if err != nil {
		return nil, err
	}
	return answer.GetImagePolicy(), nil
}

func resumeImagePolicy(ctx context.Context, conn grpc.ClientConnInterface, w Word) (Object, error) {
	answer, err := resolverv1.NewImagePolicyServiceClient(conn).ResumeImagePolicy(ctx,
		&resolverv1.ResumeImagePolicyRequest{Namespace: w.Namespace, Name: w.Name})
	if err != nil {
		return nil, err
	}
	return answer.GetImagePolicy(), nil
}
