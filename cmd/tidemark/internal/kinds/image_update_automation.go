// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"context"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

// ImageUpdateAutomation is the kind of the automations that commit.
func ImageUpdateAutomation() Kind {
	return Kind{
		Noun:     "ImageUpdateAutomation",
		Human:    "image update automation",
		Resource: "imageupdateautomation",
		Service:  Updater,
		Empty:    &updaterv1.ImageUpdateAutomation{},
		calls:    calls{apply: applyImageUpdateAutomation, get: getImageUpdateAutomation, list: listImageUpdateAutomations, remove: removeImageUpdateAutomation, watch: watchImageUpdateAutomations, suspend: suspendImageUpdateAutomation, resume: resumeImageUpdateAutomation},
	}
}

func applyImageUpdateAutomation(ctx context.Context, conn grpc.ClientConnInterface, r applyRequest) (Object, metav1.ApplyOutcome, error) {
	object, err := as[*updaterv1.ImageUpdateAutomation](r.object)
	if err != nil {
		return nil, 0, err
	}
	answer, err := updaterv1.NewImageUpdateAutomationServiceClient(conn).ApplyImageUpdateAutomation(ctx,
		&updaterv1.ApplyImageUpdateAutomationRequest{ImageUpdateAutomation: object, Manager: r.manager, ValidateOnly: r.validateOnly})
	if err != nil {
		return nil, 0, err
	}
	return answer.GetImageUpdateAutomation(), answer.GetOutcome(), nil
}

func getImageUpdateAutomation(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) (Object, error) {
	answer, err := updaterv1.NewImageUpdateAutomationServiceClient(conn).GetImageUpdateAutomation(ctx,
		&updaterv1.GetImageUpdateAutomationRequest{Namespace: namespace, Name: name})
	if err != nil {
		return nil, err
	}
	return answer.GetImageUpdateAutomation(), nil
}

func listImageUpdateAutomations(ctx context.Context, conn grpc.ClientConnInterface, f Filter, token string) ([]Object, string, error) {
	answer, err := updaterv1.NewImageUpdateAutomationServiceClient(conn).ListImageUpdateAutomations(ctx,
		&updaterv1.ListImageUpdateAutomationsRequest{Namespace: f.Namespace, LabelSelector: f.LabelSelector, PageToken: token})
	if err != nil {
		return nil, "", err
	}
	return objects(answer.GetImageUpdateAutomations()), answer.GetNextPageToken(), nil
}

func watchImageUpdateAutomations(ctx context.Context, conn grpc.ClientConnInterface, f Filter, token string) (func() (Event, error), error) {
	return events[updaterv1.ImageUpdateAutomation](
		updaterv1.NewImageUpdateAutomationServiceClient(conn).WatchImageUpdateAutomations(ctx,
			&updaterv1.WatchImageUpdateAutomationsRequest{Namespace: f.Namespace, LabelSelector: f.LabelSelector, ResumeToken: token}))
}

func removeImageUpdateAutomation(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) error {
	_, err := updaterv1.NewImageUpdateAutomationServiceClient(conn).DeleteImageUpdateAutomation(ctx,
		&updaterv1.DeleteImageUpdateAutomationRequest{Namespace: namespace, Name: name})
	return err
}

func suspendImageUpdateAutomation(ctx context.Context, conn grpc.ClientConnInterface, w Word) (Object, error) {
	answer, err := updaterv1.NewImageUpdateAutomationServiceClient(conn).SuspendImageUpdateAutomation(ctx,
		&updaterv1.SuspendImageUpdateAutomationRequest{Namespace: w.Namespace, Name: w.Name, Reason: w.Reason, Actor: w.Actor})
	if err != nil {
		return nil, err
	}
	return answer.GetImageUpdateAutomation(), nil
}

func resumeImageUpdateAutomation(ctx context.Context, conn grpc.ClientConnInterface, w Word) (Object, error) {
	answer, err := updaterv1.NewImageUpdateAutomationServiceClient(conn).ResumeImageUpdateAutomation(ctx,
		&updaterv1.ResumeImageUpdateAutomationRequest{Namespace: w.Namespace, Name: w.Name, Actor: w.Actor, Force: w.Force})
	if err != nil {
		return nil, err
	}
	return answer.GetImageUpdateAutomation(), nil
}
