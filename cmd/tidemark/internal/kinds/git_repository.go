// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"context"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

// GitRepository is the kind of the Git remotes that are written to.
func GitRepository() Kind {
	return Kind{
		Noun:     "GitRepository",
		Human:    "source git",
		Resource: "gitrepository",
		Service:  Updater,
		Empty:    &updaterv1.GitRepository{},
		calls:    calls{apply: applyGitRepository, get: getGitRepository, list: listGitRepositories, remove: removeGitRepository, watch: watchGitRepositories, suspend: suspendGitRepository, resume: resumeGitRepository},
	}
}

func applyGitRepository(ctx context.Context, conn grpc.ClientConnInterface, r applyRequest) (Object, metav1.ApplyOutcome, error) {
	object, err := as[*updaterv1.GitRepository](r.object)
	if err != nil {
		return nil, 0, err
	}
	answer, err := updaterv1.NewGitRepositoryServiceClient(conn).ApplyGitRepository(ctx,
		&updaterv1.ApplyGitRepositoryRequest{GitRepository: object, Manager: r.manager, ValidateOnly: r.validateOnly})
	if err != nil {
		return nil, 0, err
	}
	return answer.GetGitRepository(), answer.GetOutcome(), nil
}

func getGitRepository(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) (Object, error) {
	answer, err := updaterv1.NewGitRepositoryServiceClient(conn).GetGitRepository(ctx,
		&updaterv1.GetGitRepositoryRequest{Namespace: namespace, Name: name})
	if err != nil {
		return nil, err
	}
	return answer.GetGitRepository(), nil
}

func listGitRepositories(ctx context.Context, conn grpc.ClientConnInterface, f Filter, token string) ([]Object, string, error) {
	answer, err := updaterv1.NewGitRepositoryServiceClient(conn).ListGitRepositories(ctx,
		&updaterv1.ListGitRepositoriesRequest{Namespace: f.Namespace, LabelSelector: f.LabelSelector, PageToken: token})
	if err != nil {
		return nil, "", err
	}
	return objects(answer.GetGitRepositories()), answer.GetNextPageToken(), nil
}

func watchGitRepositories(ctx context.Context, conn grpc.ClientConnInterface, f Filter, token string) (func() (Event, error), error) {
	return events[updaterv1.GitRepository](
		updaterv1.NewGitRepositoryServiceClient(conn).WatchGitRepositories(ctx,
			&updaterv1.WatchGitRepositoriesRequest{Namespace: f.Namespace, LabelSelector: f.LabelSelector, ResumeToken: token}))
}

func removeGitRepository(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) error {
	_, err := updaterv1.NewGitRepositoryServiceClient(conn).DeleteGitRepository(ctx,
		&updaterv1.DeleteGitRepositoryRequest{Namespace: namespace, Name: name})
	return err
}

func suspendGitRepository(ctx context.Context, conn grpc.ClientConnInterface, w Word) (Object, error) {
	answer, err := updaterv1.NewGitRepositoryServiceClient(conn).SuspendGitRepository(ctx,
		&updaterv1.SuspendGitRepositoryRequest{Namespace: w.Namespace, Name: w.Name, Reason: w.Reason, Actor: w.Actor})
	if err != nil {
		return nil, err
	}
	return answer.GetGitRepository(), nil
}

func resumeGitRepository(ctx context.Context, conn grpc.ClientConnInterface, w Word) (Object, error) {
	answer, err := updaterv1.NewGitRepositoryServiceClient(conn).ResumeGitRepository(ctx,
		&updaterv1.ResumeGitRepositoryRequest{Namespace: w.Namespace, Name: w.Name})
	if err != nil {
		return nil, err
	}
	return answer.GetGitRepository(), nil
}
