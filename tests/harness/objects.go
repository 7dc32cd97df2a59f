// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

// Object is one that is looked at: "repository", "policy", "source" or "update", and its name in flux-system.
type Object struct {
	Kind, Name string
}

// Repository names an ImageRepository.
func Repository(name string) Object { return Object{"repository", name} }

// Policy names an ImagePolicy.
func Policy(name string) Object { return Object{"policy", name} }

// Source names a GitRepository.
func Source(name string) Object { return Object{"source", name} }

// Update names an ImageUpdateAutomation.
func Update(name string) Object { return Object{"update", name} }

func (o Object) String() string { return o.Kind + "/" + o.Name }

// Repositories asks the scanner.
func (w *World) Repositories() scannerv1.ImageRepositoryServiceClient {
	return scannerv1.NewImageRepositoryServiceClient(w.conns[Scanner])
}

// Tags asks the scanner.
func (w *World) Tags() scannerv1.TagServiceClient {
	return scannerv1.NewTagServiceClient(w.conns[Scanner])
}

// Policies asks the resolver.
func (w *World) Policies() resolverv1.ImagePolicyServiceClient {
	return resolverv1.NewImagePolicyServiceClient(w.conns[Resolver])
}

// Sources asks the updater.
func (w *World) Sources() updaterv1.GitRepositoryServiceClient {
	return updaterv1.NewGitRepositoryServiceClient(w.conns[Updater])
}

// Automations asks the updater.
func (w *World) Automations() updaterv1.ImageUpdateAutomationServiceClient {
	return updaterv1.NewImageUpdateAutomationServiceClient(w.conns[Updater])
}

// Conditions reads an object's conditions.
func (w *World) Conditions(ctx context.Context, o Object) ([]*metav1.Condition, error) {
	switch o.Kind {
	case "repository":
		got, err := w.Repositories().GetImageRepository(ctx, &scannerv1.GetImageRepositoryRequest{Name: o.Name})
		return got.GetImageRepository().GetStatus().GetConditions(), err
	case "policy":
		got, err := w.Policies().GetImagePolicy(ctx, &resolverv1.GetImagePolicyRequest{Name: o.Name})
		return got.GetImagePolicy().GetStatus().GetConditions(), err
	case "source":
		got, err := w.Sources().GetGitRepository(ctx, &updaterv1.GetGitRepositoryRequest{Name: o.Name})
		return got.GetGitRepository().GetStatus().GetConditions(), err
	case "update":
		got, err := w.Automations().GetImageUpdateAutomation(ctx, &updaterv1.GetImageUpdateAutomationRequest{Name: o.Name})
		return got.GetImageUpdateAutomation().GetStatus().GetConditions(), err
	default:
		return nil, fmt.Errorf("there is no kind %q", o.Kind)
	}
}

// Want is what a condition is waited for to say. What is empty is not looked at.
type Want struct {
	// Type is the condition's; empty means Ready.
	Type string
	// Status is "True" or "False".
	Status, Reason string
	// Message holds each of these.
	Message []string
}

// Ready wants an object to be ready and say so with these words.
func Ready(message ...string) Want { return Want{Status: "True", Message: message} }

// NotReady wants an object not to be ready for a reason, and say so with these words.
func NotReady(reason string, message ...string) Want {
	return Want{Status: "False", Reason: reason, Message: message}
}

// AwaitCondition waits until an object's condition says what is wanted, and returns its message.
func (w *World) AwaitCondition(t *testing.T, o Object, want Want) string {
	t.Helper()
	var message string
	Await(t, fmt.Sprintf("%s with %+v", o, want), func(ctx context.Context) error {
		conditions, err := w.Conditions(ctx, o)
		if err != nil {
			return err
		}
		message, err = want.In(conditions)
		return err
	})
	return message
}

// In looks for what is wanted among conditions, and returns the message of the one it is about.
func (want Want) In(conditions []*metav1.Condition) (string, error) {
	kind := want.Type
	if kind == "" {
		kind = "Ready"
	}
	for _, c := range conditions {
		if c.GetType() == kind {
			return c.GetMessage(), want.matches(c)
		}
	}
	return "", fmt.Errorf("there is no condition %s among %v", kind, conditions)
}

func (want Want) matches(c *metav1.Condition) error {
	status := map[metav1.ConditionStatus]string{
		metav1.ConditionStatus_CONDITION_STATUS_TRUE: "True", metav1.ConditionStatus_CONDITION_STATUS_FALSE: "False",
	}[c.GetStatus()]
	differs := fmt.Errorf("%s is %s, %s: %s", c.GetType(), status, c.GetReason(), c.GetMessage())
	if want.Status != "" && status != want.Status || want.Reason != "" && c.GetReason() != want.Reason {
		return differs
	}
	for _, part := range want.Message {
		if !strings.Contains(c.GetMessage(), part) {
			return differs
		}
	}
	return nil
}
