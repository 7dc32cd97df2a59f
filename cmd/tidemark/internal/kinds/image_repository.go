// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"context"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

// ImageRepository is the kind of the image repositories that are scanned.
func ImageRepository() Kind {
	return Kind{
		Noun:     "ImageRepository",
		Human:    "image repository",
		Resource: "imagerepository",
		Service:  Scanner,
		Empty:    &scannerv1.ImageRepository{},
		calls:    calls{apply: applyImageRepository, get: getImageRepository, list: listImageRepositories, remove: removeImageRepository, watch: watchImageRepositories, suspend: suspendImageRepository, resume: resumeImageRepository},
	}
}

func applyImageRepository(ctx context.Context, conn grpc.ClientConnInterface, r applyRequest) (Object, metav1.ApplyOutcome, error) {
	object, err := as[*scannerv1.ImageRepository](r.object)
	if err != nil {
		return nil, 0, err
	}
	answer, err := scannerv1.NewImageRepositoryServiceClient(conn).ApplyImageRepository(ctx,
		&scannerv1.ApplyImageRepositoryRequest{ImageRepository: object, Manager: r.manager, ValidateOnly: r.validateOnly})
	if err != nil {
		return nil, 0, err
	}
	return answer.GetImageRepository(), answer.GetOutcome(), nil
}

func getImageRepository(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) (Object, error) {
	answer, err := scannerv1.NewImageRepositoryServiceClient(conn).GetImageRepository(ctx,
		&scannerv1.GetImageRepositoryRequest{Namespace: namespace, Name: name})
	if err != nil {
		return nil, err
	}
	return answer.GetImageRepository(), nil
}

func listImageRepositories(ctx context.Context, conn grpc.ClientConnInterface, f Filter, token string) ([]Object, string, error) {
	answer, err := scannerv1.NewImageRepositoryServiceClient(conn).ListImageRepositories(ctx,
		&scannerv1.ListImageRepositoriesRequest{Namespace: f.Namespace, LabelSelector: f.LabelSelector, PageToken: token})
	if err != nil {
		return nil, "", err
	}
	return objects(answer.GetImageRepositories()), answer.GetNextPageToken(), nil
}

func watchImageRepositories(ctx context.Context, conn grpc.ClientConnInterface, f Filter, token string) (func() (Event, error), error) {
	return events[scannerv1.ImageRepository](
		scannerv1.NewImageRepositoryServiceClient(conn).WatchImageRepositories(ctx,
			&scannerv1.WatchImageRepositoriesRequest{Namespace: f.Namespace, LabelSelector: f.LabelSelector, ResumeToken: token}))
}

func removeImageRepository(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) error {
	_, err := scannerv1.NewImageRepositoryServiceClient(conn).DeleteImageRepository(ctx,
		&scannerv1.DeleteImageRepositoryRequest{Namespace: namespace, Name: name})
	return err
}

func suspendImageRepository(ctx context.Context, conn grpc.ClientConnInterface, w Word) (Object, error) {
	answer, err := scannerv1.NewImageRepositoryServiceClient(conn).SuspendImageRepository(ctx,
		&scannerv1.SuspendImageRepositoryRequest{Namespace: w.Namespace, Name: w.Name, Reason: w.Reason, Actor: w.Actor})
	if err != nil {
		return nil, err
	}
	return answer.GetImageRepository(), nil
}

func resumeImageRepository(ctx context.Context, conn grpc.ClientConnInterface, w Word) (Object, error) {
	answer, err := scannerv1.NewImageRepositoryServiceClient(conn).ResumeImageRepository(ctx,
		&scannerv1.ResumeImageRepositoryRequest{Namespace: w.Namespace, Name: w.Name})
	if err != nil {
		return nil, err
	}
	return answer.GetImageRepository(), nil
}
