// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
)

// all owns every group.
type all struct{}

func (all) Owns(string) bool         { return true }
func (all) Changed() <-chan struct{} { return nil }

func TestChangesOfPoliciesGatherAfterTheFirst(t *testing.T) {
	d := New(Config{Settle: time.Second})
	d.owner = all{}
	e := &entry{key: object.KeyOf("", "web"), spec: spec.Automation{Policies: labels.Everything()}, valid: true, group: "g"}
	d.entries[e.key] = e
	d.groups["g"] = map[*entry]struct{}{e: {}}
	start := time.Now()
	change := func() time.Duration {
		d.PolicyChanged(policies.Change{Key: object.KeyOf("", "app"), After: &policies.Policy{}})
		return e.due.Sub(start).Round(100 * time.Millisecond)
	}
	if due := change(); due != 0 {
		t.Errorf("the first after a quiet time is due in %s", due)
	}
	if due := change(); due != 0 {
		t.Errorf("with a run due now, which will see it, the next is due in %s", due)
	}
	d.next("g") // it runs
	if due := change(); due != time.Second || e.trigger != updaterv1.RunTrigger_RUN_TRIGGER_POLICY {
		t.Errorf("during the run: due in %s", due)
	}
	e.running = false
	e.gathering = start.Add(-4500 * time.Millisecond)
	if due := change(); due != 500*time.Millisecond {
		t.Errorf("changes that do not pause have gathered for long: due in %s", due)
	}
	e.due, e.gathering, e.changed = time.Time{}, time.Time{}, start.Add(-2*time.Second)
	if due := change(); due != 0 {
		t.Errorf("after a pause: due in %s", due)
	}
}

func TestRetriesWaitLonger(t *testing.T) {
	for _, test := range []struct {
		failures int
		interval time.Duration
		want     time.Duration
	}{
		{1, time.Hour, 5 * time.Second}, {2, time.Hour, 10 * time.Second}, {3, time.Hour, 20 * time.Second},
		{50, time.Hour, 10 * time.Minute}, {4, 30 * time.Second, 30 * time.Second}, {1, time.Second, time.Second},
		{1, 0, 5 * time.Second}, {20, 0, 10 * time.Minute},
	} {
		got := retryAfter(test.failures, test.interval)
		if got > test.want || got < test.want*9/10-1 {
			t.Errorf("after %d failures at an interval of %s: %s, want about %s", test.failures, test.interval, got, test.want)
		}
	}
}
