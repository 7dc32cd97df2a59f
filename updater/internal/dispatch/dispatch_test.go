// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// all owns every group.
type all struct{}

func (all) Owns(string) bool         { return true }
func (all) Changed() <-chan struct{} { return nil }

// stored makes a dispatcher over real stores that hold an automation, its source, and an entry for them.
func stored(t *testing.T) (*Dispatcher, *entry) {
	t.Helper()
	st := storetest.Open(t)
	logger := grpctest.Telemetry(t, nil).Logger()
	d := New(Config{Automations: state.NewAutomations(st, logger), Repositories: state.NewRepositories(st, logger), Logger: logger})
	d.owner = all{}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = d.Automations.Run(ctx) })
	running.Go(func() { _ = d.Repositories.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	<-d.Automations.Ready()
	<-d.Repositories.Ready()
	a, _, err := d.Automations.Apply(t.Context(), &updaterv1.ImageUpdateAutomation{
		Metadata: &metav1.ObjectMeta{Name: "web"},
		Spec:     &updaterv1.ImageUpdateAutomationSpec{SourceRef: &updaterv1.SourceReference{Name: "gitops"}},
	}, object.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = d.Repositories.Apply(t.Context(), &updaterv1.GitRepository{
		Metadata: &metav1.ObjectMeta{Name: "gitops"}, Spec: &updaterv1.GitRepositorySpec{Url: "https://example.com/a"},
	}, object.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Automations.Sync(t.Context()), d.Repositories.Sync(t.Context())); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d, d.update(a)
}

func ended(kind run.Kind) run.Outcome { return run.Outcome{Failure: &run.Error{Kind: kind}} }

func TestASuspensionThatNoEventTellsOfIsNotForgotten(t *testing.T) {
	d, e := stored(t)
	suspend := func(override *metav1.Override) {
		t.Helper()
		if _, err := d.Automations.SetOverride(t.Context(), e.key, override); err != nil {
			t.Fatal(err)
		}
		if err := d.Automations.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	d.planNext(e, ended(run.Suspended)) // the cache does not know, or it is over already
	if e.due.IsZero() || e.suspended {
		t.Error("a suspension that is over leaves the automation without a run")
	}
	e.due = time.Time{}
	suspend(&metav1.Override{Suspension: &metav1.Suspension{Actor: "somebody"}})
	d.planNext(e, ended(run.Suspended))
	if !e.due.IsZero() {
		t.Error("a suspended automation is planned")
	}
	suspend(nil)
	resumed, _ := d.Automations.Cached(e.key)
	d.takeAutomation(object.Event[*updaterv1.ImageUpdateAutomation]{Changed: resumed}) // the one event of both
	if e.due.IsZero() {
		t.Error("the end of the suspension makes no run")
	}
}

func TestASourceThatWasAwayForAMomentIsNotForgotten(t *testing.T) {
	d, e := stored(t)
	source, _ := d.Repositories.Cached(e.spec.Source)
	d.sources[e.spec.Source] = versionOfSource(source)
	d.planNext(e, ended(run.NotReady))
	if e.due.IsZero() || time.Until(e.due) > time.Second {
		t.Errorf("a source that is there again makes a run at %v", e.due)
	}
	e.due = time.Time{}
	d.takeSource(object.Event[*updaterv1.GitRepository]{Changed: source}) // the one event of both
	if e.due.IsZero() {
		t.Error("the source's event makes no run")
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
