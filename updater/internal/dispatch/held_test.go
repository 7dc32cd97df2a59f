// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
)

// known are the policies of a namespace.
type known map[string]*policies.Policy

func (k known) In(string) map[string]*policies.Policy { return k }
func (known) Ready() <-chan struct{}                  { return nil }
func (known) Check(context.Context) error             { return nil }

func TestWhatWasLetGoWhileNobodyRanIsRunAtTheStart(t *testing.T) {
	now := time.Now()
	key := object.KeyOf("", "app")
	for name, test := range map[string]struct {
		policy   policies.Policy
		released time.Time
		held     bool
		want     updaterv1.RunTrigger
	}{
		"nothing new":              {policies.Policy{Key: key, Generation: 3}, time.Time{}, true, updaterv1.RunTrigger_RUN_TRIGGER_INTERVAL},
		"another spec":             {policies.Policy{Key: key, Generation: 4}, time.Time{}, true, updaterv1.RunTrigger_RUN_TRIGGER_POLICY},
		"an operator's hold":       {policies.Policy{Key: key, Generation: 3, Held: true}, time.Time{}, true, updaterv1.RunTrigger_RUN_TRIGGER_POLICY},
		"of what holds nothing":    {policies.Policy{Key: key, Generation: 4}, now, false, updaterv1.RunTrigger_RUN_TRIGGER_INTERVAL},
		"a release since the run":  {policies.Policy{Key: key, Generation: 3}, now, true, updaterv1.RunTrigger_RUN_TRIGGER_SPEC},
		"a release before the run": {policies.Policy{Key: key, Generation: 3}, now.Add(-time.Hour), true, updaterv1.RunTrigger_RUN_TRIGGER_INTERVAL},
	} {
		a := &updaterv1.ImageUpdateAutomation{
			Metadata: &metav1.ObjectMeta{Name: "web"},
			Spec:     &updaterv1.ImageUpdateAutomationSpec{Interval: durationpb.New(time.Hour)},
			Status: &updaterv1.ImageUpdateAutomationStatus{
				LastAutomationRunTime: timestamppb.New(now.Add(-time.Minute)),
				ObservedPolicies:      map[string]*updaterv1.ObservedPolicy{"app": {}},
			},
		}
		conditions.MarkReady(&a.Status.Conditions, 0, "Succeeded", "", now)
		if test.held {
			a.Status.Held = []*updaterv1.HeldValue{{Setter: "flux-system:app:tag", PolicyGeneration: 3}}
		}
		if !test.released.IsZero() {
			a.Override = &metav1.Override{RevertRelease: &metav1.RevertRelease{Time: timestamppb.New(test.released)}}
		}
		d := New(Config{Policies: known{"app": &test.policy}})
		e := &entry{version: versionOf(a), valid: true, key: object.KeyOf("", "web")}
		e.spec.Interval = time.Hour
		e.spec.Policies = everything()
		if _, got := d.firstRun(e, a, false); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
