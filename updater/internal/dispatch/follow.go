// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// patience is how long the resolver may take to answer at the start before the automations say that they wait for it.
const patience = 5 * time.Second

// reasonWaiting is the reason of Reconciling while the resolver has not answered.
const reasonWaiting = "DependencyNotReady"

// Run dispatches until the context ends. Nothing runs before the policies are known.
func (d *Dispatcher) Run(ctx context.Context, owner Ownership) error {
	d.owner = owner
	if !d.await(ctx) {
		return nil
	}
	unfinished, err := d.Runs.WithUnfinished(ctx)
	if err != nil {
		return err
	}
	if err := d.start(ctx, unfinished); err != nil {
		return err
	}
	var group lifecycle.Group
	group.Add("following the Git repositories", func(ctx context.Context) error {
		return state.Follow(ctx, d.Repositories, d.takeSource)
	})
	group.Add("following the automations", func(ctx context.Context) error {
		return state.Follow(ctx, d.Automations, d.takeAutomation)
	})
	group.Add("the members", d.members)
	group.Add("running automations", d.queue.Run)
	return group.Run(ctx)
}

// await waits for the stores and the policies; false: the context has ended.
func (d *Dispatcher) await(ctx context.Context) bool {
	for _, ready := range []<-chan struct{}{d.Automations.Ready(), d.Repositories.Ready()} {
		select {
		case <-ctx.Done():
			return false
		case <-ready:
		}
	}
	late := time.NewTicker(patience)
	defer late.Stop()
	for told := false; ; {
		select {
		case <-ctx.Done():
			return false
		case <-d.Policies.Ready():
			if told {
				d.tellAll(ctx, func(a *updaterv1.ImageUpdateAutomation) {
					if conditions.Get(a.Status.Conditions, conditions.TypeReconciling).GetReason() == reasonWaiting {
						conditions.ClearReconciling(&a.Status.Conditions)
					}
				})
			}
			return true
		case <-late.C:
			told = true
			d.tellWaiting(ctx)
		}
	}
}

// tellWaiting says in the automations why none of them runs.
func (d *Dispatcher) tellWaiting(ctx context.Context) {
	sentence := "waiting for the resolver; see that it runs, and the updater's --resolver-address"
	if err := d.Policies.Check(ctx); err != nil {
		sentence += ": " + err.Error()
	}
	d.tellAll(ctx, func(a *updaterv1.ImageUpdateAutomation) {
		conditions.MarkReconciling(&a.Status.Conditions, a.GetMetadata().GetGeneration(), reasonWaiting, sentence, time.Now())
	})
}

// tellAll changes the statuses of all automations.
func (d *Dispatcher) tellAll(ctx context.Context, tell func(*updaterv1.ImageUpdateAutomation)) {
	for _, a := range d.Automations.All() {
		_, err := d.Automations.UpdateStatus(ctx, object.KeyOfMeta(a.GetMetadata()), a.GetMetadata().GetUid(),
			func(a *updaterv1.ImageUpdateAutomation) error {
				if a.Status == nil {
					a.Status = &updaterv1.ImageUpdateAutomationStatus{}
				}
				tell(a)
				return nil
			})
		if err != nil && !errors.Is(err, object.ErrNotFound) && ctx.Err() == nil {
			d.Logger.WarnContext(ctx, "the status of an automation could not be written", "automation",
				object.KeyOfMeta(a.GetMetadata()).String(), "error", err)
		}
	}
}

// start takes in what is stored, and plans what the process before this one has left undone.
func (d *Dispatcher) start(ctx context.Context, unfinished map[object.Key]bool) error {
	if err := d.Automations.Sync(ctx); err != nil {
		return err
	}
	if err := d.Repositories.Sync(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.Repositories.All() {
		d.sources[object.KeyOfMeta(r.GetMetadata())] = versionOfSource(r)
	}
	for _, a := range d.Automations.All() {
		e := d.update(a)
		due, trigger := d.firstRun(e, a, unfinished[e.key])
		if !due.IsZero() && d.owner.Owns(e.group) {
			d.want(e, due, trigger)
			d.plan(e.group)
		}
	}
	close(d.started)
	return nil
}

// firstRun says when an automation runs that this process has not seen before.
func (d *Dispatcher) firstRun(e *entry, a *updaterv1.ImageUpdateAutomation, unfinished bool) (time.Time, updaterv1.RunTrigger) {
	now, s := time.Now(), a.GetStatus()
	switch {
	case e.suspended:
		return time.Time{}, 0
	case unfinished:
		return now, updaterv1.RunTrigger_RUN_TRIGGER_RETRY
	case s.GetObservedGeneration() != e.generation:
		return now, updaterv1.RunTrigger_RUN_TRIGGER_SPEC
	case conditions.IsTrue(s.GetConditions(), conditions.TypeStalled):
		return time.Time{}, 0
	case !conditions.IsTrue(s.GetConditions(), conditions.TypeReady):
		return now, updaterv1.RunTrigger_RUN_TRIGGER_RETRY
	case len(s.GetHeld()) > 0 && e.released > s.GetLastAutomationRunTime().AsTime().UnixNano():
		return now, updaterv1.RunTrigger_RUN_TRIGGER_SPEC
	case e.valid && (len(run.Changed(e.spec, s, d.Policies.In(e.key.Namespace))) > 0 || letGo(s.GetHeld(), d.Policies.In(e.key.Namespace))):
		return now, updaterv1.RunTrigger_RUN_TRIGGER_POLICY
	case e.spec.Interval <= 0:
		return time.Time{}, 0
	default:
		return s.GetLastAutomationRunTime().AsTime().Add(e.spec.Interval), updaterv1.RunTrigger_RUN_TRIGGER_INTERVAL
	}
}

// update takes in an automation as it is now, and returns its entry. The caller holds the lock.
func (d *Dispatcher) update(a *updaterv1.ImageUpdateAutomation) *entry {
	key := object.KeyOfMeta(a.GetMetadata())
	e := d.entries[key]
	if e == nil {
		e = &entry{key: key}
		d.entries[key] = e
	}
	e.version, e.held = versionOf(a), holdsOf(a.GetStatus().GetHeld())
	parsed, violations := spec.ParseAutomation(a)
	e.spec, e.valid = parsed, len(violations) == 0
	d.join(e, d.groupOf(e.spec))
	return e
}

func (d *Dispatcher) takeAutomation(event object.Event[*updaterv1.ImageUpdateAutomation]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case event.Deleted != nil:
		d.remove(*event.Deleted)
	case event.Changed != nil:
		d.take(event.Changed)
	}
}

// take plans a run of an automation whose spec or suspension has changed. The caller holds the lock.
func (d *Dispatcher) take(a *updaterv1.ImageUpdateAutomation) {
	now := versionOf(a)
	was := d.entries[object.KeyOfMeta(a.GetMetadata())]
	switch {
	case was != nil && was.uid == now.uid && was.generation > now.generation:
		return
	case was != nil && was.version == now:
		was.held = holdsOf(a.GetStatus().GetHeld())
		return
	}
	e := d.update(a)
	e.failures = 0
	switch {
	case !e.suspended:
		d.trigger(e, time.Now(), updaterv1.RunTrigger_RUN_TRIGGER_SPEC)
	case len(e.waiters) == 0: // else the run tells them
		e.due, e.gathers = time.Time{}, false
		d.plan(e.group)
	}
}

func (d *Dispatcher) remove(key object.Key) {
	e := d.entries[key]
	if e == nil {
		return
	}
	delete(d.entries, key)
	d.leave(e)
	for _, w := range e.waiters {
		w.done <- run.Outcome{Failure: &run.Error{Kind: run.Gone, Sentence: "ImageUpdateAutomation '" + key.String() + "' is deleted"}}
	}
	d.plan(e.group)
}

// takeSource plans a run of the automations whose source came, changed or went, and groups them anew where only what its
// HEAD is has changed.
func (d *Dispatcher) takeSource(event object.Event[*updaterv1.GitRepository]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case event.Deleted != nil:
		delete(d.sources, *event.Deleted)
		d.sourceChanged(*event.Deleted)
	case event.Changed != nil:
		key, now := object.KeyOfMeta(event.Changed.GetMetadata()), versionOfSource(event.Changed)
		was, known := d.sources[key]
		d.sources[key] = now
		switch {
		case !known || was.version != now.version:
			d.sourceChanged(key)
		case was.head != now.head:
			d.headChanged(key)
		}
	}
}

// SourceSecretChanged plans a run of the automations of a source of which a secret has changed.
func (d *Dispatcher) SourceSecretChanged(source object.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sourceChanged(source)
}

// sourceChanged plans a run of all automations of a source. The caller holds the lock.
func (d *Dispatcher) sourceChanged(source object.Key) {
	for _, e := range d.entries {
		if e.valid && e.spec.Source == source {
			e.failures = 0
			d.join(e, d.groupOf(e.spec))
			d.trigger(e, time.Now(), updaterv1.RunTrigger_RUN_TRIGGER_SPEC)
		}
	}
}

// headChanged groups the automations of a source anew, which makes no run. The caller holds the lock.
func (d *Dispatcher) headChanged(source object.Key) {
	for _, e := range d.entries {
		if !e.valid || e.spec.Source != source {
			continue
		}
		own := d.owner.Owns(e.group)
		d.join(e, d.groupOf(e.spec))
		if own != d.owner.Owns(e.group) {
			d.adopt(e)
		}
	}
}

// trigger plans a run of an automation that may run here. The caller holds the lock.
func (d *Dispatcher) trigger(e *entry, due time.Time, trigger updaterv1.RunTrigger) {
	if e.suspended || !d.owner.Owns(e.group) {
		return
	}
	d.want(e, due, trigger)
	d.plan(e.group)
}

// PolicyChanged plans a run of the automations that use the policy, or that hold values back because of it where only that
// may be another now; see gather.
func (d *Dispatcher) PolicyChanged(change policies.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	reworded := reworded(change)
	groups := map[string][]*entry{}
	for _, e := range d.entries {
		if !e.valid || e.key.Namespace != change.Key.Namespace || (!uses(e.spec, change.Before) && !uses(e.spec, change.After)) {
			continue
		}
		if reworded && e.running {
			e.reworded = append(e.reworded, change.Key)
		}
		if (!reworded || e.held.because(change.Key)) && !e.suspended && d.owner.Owns(e.group) {
			groups[e.group] = append(groups[e.group], e)
		}
	}
	for name, changed := range groups {
		d.gather(name, changed)
	}
}

func uses(a spec.Automation, p *policies.Policy) bool {
	return p != nil && a.Policies.Matches(labels.Set(p.Labels))
}

// members plans the automations anew when a replica comes or goes: some may be this one's now.
func (d *Dispatcher) members(ctx context.Context) error {
	for {
		changed := d.owner.Changed()
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		d.adoptAll()
	}
}

func (d *Dispatcher) adoptAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.entries {
		d.adopt(e)
	}
}

// adopt plans what another replica may have left, and drops what is another's now. The caller holds the lock.
func (d *Dispatcher) adopt(e *entry) {
	if !d.owner.Owns(e.group) {
		if len(e.waiters) == 0 {
			e.due, e.gathers = time.Time{}, false
		}
	} else if a, ok := d.Automations.Cached(e.key); ok && e.due.IsZero() && !e.running {
		if due, trigger := d.firstRun(e, a, false); !due.IsZero() {
			d.want(e, due, trigger)
		}
	}
	d.plan(e.group)
}
