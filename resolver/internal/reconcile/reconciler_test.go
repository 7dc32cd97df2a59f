// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"testing"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

// trap is a source that panics for one policy.
type trap struct{ policy string }

func (trap) Want(object.Key, object.Key) {}
func (trap) Unwant(object.Key)           {}
func (s trap) Look(policy object.Key) (*follow.Tags, error) {
	if policy.Name == s.policy {
		panic("a defect")
	}
	return nil, follow.ErrAbsent
}

func (s trap) Refresh(context.Context, object.Key, string) (*follow.Tags, error) {
	return nil, follow.ErrAbsent
}

func (trap) Digest(context.Context, object.Key, string, string) (string, error) { return "", nil }

func (trap) Inspect(
	context.Context, object.Key, string, string, []scannerv1.TagMetadata, bool,
) (*scannerv1.Tag, error) {
	return nil, follow.ErrAbsent
}

func (trap) List(
	context.Context, object.Key, string, string, []scannerv1.TagMetadata,
) ([]*scannerv1.Tag, string, error) {
	return nil, "", follow.ErrAbsent
}

// everything is all this replica's.
type everything struct{}

func (everything) Owns(string) bool         { return true }
func (everything) Changed() <-chan struct{} { return nil }

func TestDefectInOnePolicyStopsNoOther(t *testing.T) {
	tel := grpctest.Telemetry(t, nil)
	st := storetest.Open(t)
	policies := state.NewPolicies(st, tel.Logger())
	r, err := New(policies, state.NewSights(st, tel.Logger()), tel)
	if err != nil {
		t.Fatal(err)
	}
	r.Use(trap{policy: "bad"}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- policies.Run(ctx) }()
	go func() { done <- r.Run(ctx, everything{}) }()
	defer func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	}()
	for _, name := range []string{"bad", "good"} {
		_, _, err := policies.Apply(ctx, &resolverv1.ImagePolicy{
			Metadata: &metav1.ObjectMeta{Name: name},
			Spec:     &resolverv1.ImagePolicySpec{ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: "app"}},
		}, object.ApplyOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	subscription, err := policies.Subscribe(ctx, object.Filter{}, "")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for reasons["bad"] == "" || reasons["good"] == "" {
		event, err := subscription.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if event.Changed != nil {
			reasons[event.Changed.GetMetadata().GetName()] = conditions.Ready(event.Changed.GetStatus()).GetReason()
		}
	}
	if reasons["bad"] != ReasonFailure || reasons["good"] != ReasonDependencyNotReady {
		t.Errorf("reasons: %v", reasons)
	}
}
