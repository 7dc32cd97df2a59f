// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

// gitOpsFiles is a small GitOps repository whose Deployment runs the image at a tag.
func gitOpsFiles(image, tag string) map[string]string {
	return map[string]string{
		"README.md": "# What runs in production\n",
		deployment: fmt.Sprintf(`# The block buster app.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: block-buster
  namespace: 8-demo
spec:
  replicas: 1
  selector:
    matchLabels: {app: block-buster}
  template:
    metadata:
      labels: {app: block-buster}
    spec:
      containers:
        - name: app
          image: %s:%s # {"$imagepolicy": "flux-system:%s"}
          ports:
            - containerPort: 80
`, image, tag, policyName),
	}
}

func named(name string) *metav1.ObjectMeta { return &metav1.ObjectMeta{Name: name} }

// lessonObjects is what the lesson's manifests say, with the image on the local registry.
func lessonObjects(image string) []proto.Message {
	return []proto.Message{
		&scannerv1.ImageRepository{
			Metadata: named(repositoryName),
			Spec:     &scannerv1.ImageRepositorySpec{Image: image, Interval: durationpb.New(time.Minute)},
		},
		&resolverv1.ImagePolicy{
			Metadata: named(policyName),
			Spec: &resolverv1.ImagePolicySpec{
				ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: repositoryName},
				Policy: &resolverv1.ImagePolicyChoice{
					Choice: &resolverv1.ImagePolicyChoice_Semver{Semver: &resolverv1.SemVerPolicy{Range: "7.8.x"}},
				},
			},
		},
	}
}

// automationObjects is the Git repository and the automation that writes to it.
func automationObjects(url string) []proto.Message {
	return []proto.Message{
		&updaterv1.GitRepository{
			Metadata: named(automationName),
			Spec: &updaterv1.GitRepositorySpec{
				Url: url, Interval: durationpb.New(time.Minute), Ref: &updaterv1.GitRef{Branch: "main"},
			},
		},
		&updaterv1.ImageUpdateAutomation{
			Metadata: named(automationName),
			Spec: &updaterv1.ImageUpdateAutomationSpec{
				SourceRef: &updaterv1.SourceReference{Name: automationName},
				Interval:  durationpb.New(time.Minute),
				Git: &updaterv1.GitSpec{
					Commit: &updaterv1.CommitSpec{
						Author:          &updaterv1.CommitAuthor{Name: "Tidemark", Email: "tidemark@example.com"},
						MessageTemplate: "chore: update image to {{range .Updated.Images}}{{.}}{{end}}",
					},
				},
				Update: &updaterv1.UpdateStrategy{Path: "./apps"},
			},
		},
	}
}

// apply sends the objects to the services that own them.
func (s *story) apply(ctx context.Context, objects ...proto.Message) error {
	for _, object := range objects {
		var err error
		switch object := object.(type) {
		case *scannerv1.ImageRepository:
			say(s.out(), "►", "applying ImageRepository %s", object.GetMetadata().GetName())
			_, err = s.repositories.ApplyImageRepository(ctx, &scannerv1.ApplyImageRepositoryRequest{ImageRepository: object})
		case *resolverv1.ImagePolicy:
			say(s.out(), "►", "applying ImagePolicy %s", object.GetMetadata().GetName())
			_, err = s.policies.ApplyImagePolicy(ctx, &resolverv1.ApplyImagePolicyRequest{ImagePolicy: object})
		case *updaterv1.GitRepository:
			say(s.out(), "►", "applying GitRepository %s", object.GetMetadata().GetName())
			_, err = s.sources.ApplyGitRepository(ctx, &updaterv1.ApplyGitRepositoryRequest{GitRepository: object})
		case *updaterv1.ImageUpdateAutomation:
			say(s.out(), "►", "applying ImageUpdateAutomation %s", object.GetMetadata().GetName())
			_, err = s.automations.ApplyImageUpdateAutomation(ctx, &updaterv1.ApplyImageUpdateAutomationRequest{ImageUpdateAutomation: object})
		default:
			err = fmt.Errorf("no service owns a %T", object)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
