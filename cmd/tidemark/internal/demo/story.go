// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/dial"
)

// The lesson's names.
const (
	image          = "siddharth67/bb-app-flux-demo"
	repositoryName = "8-demo-image-repo-bb-app"
	policyName     = "8-demo-image-policy-bb-app"
	automationName = "8-demo-image-update-bb-app"
	gitRepository  = "bb-app-config.git"
	deployment     = "apps/bb-app/deployment.yaml"
)

// story is the demo's chapters and what they have in common.
type story struct {
	*stage
	options      Options
	conn         *grpc.ClientConn
	repositories scannerv1.ImageRepositoryServiceClient
	policies     resolverv1.ImagePolicyServiceClient
	sources      updaterv1.GitRepositoryServiceClient
	automations  updaterv1.ImageUpdateAutomationServiceClient
}

func newStory(ctx context.Context, stage *stage, options Options) (*story, error) {
	conn, err := dial.Dial(ctx, stage.services.GRPC, dial.Options{})
	if err != nil {
		return nil, err
	}
	return &story{
		stage: stage, options: options, conn: conn,
		repositories: scannerv1.NewImageRepositoryServiceClient(conn),
		policies:     resolverv1.NewImagePolicyServiceClient(conn),
		sources:      updaterv1.NewGitRepositoryServiceClient(conn),
		automations:  updaterv1.NewImageUpdateAutomationServiceClient(conn),
	}, nil
}

func (s *story) close() { _ = s.conn.Close() } // nothing to lose: the server is ours

func (s *story) out() io.Writer { return s.options.Out }

func (s *story) imageName() string { return s.registry.Host() + "/" + image }

// publish pushes the lesson's two tags, and the GitOps repository.
func (s *story) publish(ctx context.Context) error {
	if err := s.registry.Push(ctx, image, "7.8.0", "7.8.1"); err != nil {
		return err
	}
	say(s.out(), "✔", "pushed %s:7.8.0 and :7.8.1", s.imageName())
	if err := s.git.CreateRepository(gitRepository, "main", gitOpsFiles(s.imageName(), "7.8.0")); err != nil {
		return err
	}
	return s.showDeployment("7.8.0")
}

// scanAndResolve applies the lesson's manifests, and waits for what they bring.
func (s *story) scanAndResolve(ctx context.Context) error {
	if err := s.apply(ctx, lessonObjects(s.imageName())...); err != nil {
		return err
	}
	if err := s.awaitReady(ctx, s.repository, "successful scan: found 2 tags"); err != nil {
		return err
	}
	if err := s.awaitReady(ctx, s.policy, "resolved to 7.8.1"); err != nil {
		return err
	}
	return s.showTable(ctx)
}

// gitIsUntouched shows that a policy alone writes nothing.
func (s *story) gitIsUntouched(context.Context) error {
	if err := s.commitsAre(1); err != nil {
		return err
	}
	return s.showDeployment("7.8.0")
}

// automate applies the automation, and waits for its commit.
func (s *story) automate(ctx context.Context) error {
	if err := s.apply(ctx, automationObjects(s.git.RepositoryURL(gitRepository))...); err != nil {
		return err
	}
	return s.awaitCommit(ctx, 2, "7.8.1")
}

// pushMore pushes one tag that the policy wants and one that it does not.
func (s *story) pushMore(ctx context.Context) error {
	if err := s.registry.Push(ctx, image, "7.8.2", "7.9.0"); err != nil {
		return err
	}
	say(s.out(), "✔", "pushed %s:7.8.2 and :7.9.0", s.imageName())
	if _, err := s.repositories.ScanImageRepository(ctx, &scannerv1.ScanImageRepositoryRequest{Name: repositoryName}); err != nil {
		return err
	}
	if err := s.awaitReady(ctx, s.repository, "successful scan: found 4 tags"); err != nil {
		return err
	}
	if err := s.awaitReady(ctx, s.policy, "resolved to 7.8.2"); err != nil {
		return err
	}
	if err := s.awaitCommit(ctx, 3, "7.8.2"); err != nil {
		return err
	}
	return s.showTable(ctx)
}

// awaitReady waits until the object is ready with a message that contains want.
func (s *story) awaitReady(ctx context.Context, read func(context.Context) (string, []*metav1.Condition, error), want string) error {
	return poll(ctx, func() (bool, error) {
		name, conditions, err := read(ctx)
		if err != nil {
			return false, err
		}
		for _, condition := range conditions {
			if condition.GetType() == "Ready" && strings.Contains(condition.GetMessage(), want) {
				say(s.out(), "✔", "%s: %s", name, condition.GetMessage())
				return true, nil
			}
		}
		return false, nil
	}, "%q was not seen", want)
}

func (s *story) repository(ctx context.Context) (string, []*metav1.Condition, error) {
	got, err := s.repositories.GetImageRepository(ctx, &scannerv1.GetImageRepositoryRequest{Name: repositoryName})
	return "imagerepository/" + repositoryName, got.GetImageRepository().GetStatus().GetConditions(), err
}

func (s *story) policy(ctx context.Context) (string, []*metav1.Condition, error) {
	got, err := s.policies.GetImagePolicy(ctx, &resolverv1.GetImagePolicyRequest{Name: policyName})
	return "imagepolicy/" + policyName, got.GetImagePolicy().GetStatus().GetConditions(), err
}

func (s *story) automation(ctx context.Context) (string, []*metav1.Condition, error) {
	got, err := s.automations.GetImageUpdateAutomation(ctx, &updaterv1.GetImageUpdateAutomationRequest{Name: automationName})
	return "imageupdateautomation/" + automationName, got.GetImageUpdateAutomation().GetStatus().GetConditions(), err
}

func (s *story) showTable(ctx context.Context) error {
	_, _ = fmt.Fprintf(s.out(), "\n$ tidemark get image all\n")
	return s.options.Table(ctx, s.services.GRPC, s.out())
}

// poll asks until the answer is yes, or the context ends.
func poll(ctx context.Context, ask func() (bool, error), format string, args ...any) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf(format+": %w", append(args, context.Cause(ctx))...)
		case <-ticker.C:
		}
	}
}
