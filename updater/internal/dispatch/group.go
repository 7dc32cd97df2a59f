// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"slices"
	"time"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/updater/internal/run"
)

// maxGather bounds how long changes that never pause gather, in settle times.
const maxGather = 5

// group is the automations that run together.
type group struct {
	members map[*entry]struct{}
	// running is how many of them do.
	running int
	// ended is when the last run did; gathering when the changes that wait for the next began to, zero while none does.
	ended, gathering time.Time
}

// turn is one automation's part in a run of its group.
type turn struct {
	*entry
	trigger updaterv1.RunTrigger
	waiters []*waiter
}

// runGroup runs the automations of a group that are due, all of them at once, until none is.
func (d *Dispatcher) runGroup(ctx context.Context, name string) {
	draining, cancel := d.draining(ctx)
	defer cancel()
	for ctx.Err() == nil {
		turns := d.begin(name)
		if len(turns) == 0 {
			break
		}
		members := make([]run.Member, 0, len(turns))
		for _, t := range turns {
			members = append(members, run.Member{Key: t.key, Request: t.request()})
		}
		d.end(name, turns, d.Runner.Run(draining, members))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plan(name)
}

// draining gives what is under way when the context ends some time to end as well.
func (d *Dispatcher) draining(ctx context.Context) (context.Context, context.CancelFunc) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d.Drain, cancel) })
	return own, func() { stop(); cancel() }
}

// begin takes the automations of the group that are due, in the order of their keys, and marks them as running.
func (d *Dispatcher) begin(name string) []turn {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.groups[name]
	if g == nil {
		return nil
	}
	var turns []turn
	now, gathers := time.Now(), false
	for e := range g.members {
		if e.running || e.due.IsZero() || e.due.After(now) {
			gathers = gathers || e.gathers
			continue
		}
		turns = append(turns, turn{e, e.trigger, e.waiters})
		e.due, e.gathers, e.waiters, e.reworded = time.Time{}, false, nil, nil
		d.setRunning(e, true)
	}
	if !gathers {
		g.gathering = time.Time{}
	}
	slices.SortFunc(turns, func(a, b turn) int { return a.key.Compare(b.key) })
	return turns
}

// request says why the automation runs. Whoever asked hears of its steps.
func (t turn) request() run.Request {
	if len(t.waiters) == 0 {
		return run.Request{Trigger: t.trigger}
	}
	return run.Request{
		Trigger: updaterv1.RunTrigger_RUN_TRIGGER_REQUEST,
		Step:    func(sentence string) { step(t.waiters, sentence) },
		Parent:  t.waiters[0].span,
	}
}

// end tells what came of the run, and plans what follows from it.
func (d *Dispatcher) end(name string, turns []turn, outcomes []run.Outcome) {
	for i, t := range turns {
		for _, w := range t.waiters {
			w.done <- outcomes[i]
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for i, t := range turns {
		d.setRunning(t.entry, false)
		if g := d.groups[t.group]; g != nil {
			g.ended = now
		}
		d.planNext(t.entry, outcomes[i])
		d.reconsider(t.entry, outcomes[i])
		if t.group != name {
			d.plan(t.group) // it was regrouped meanwhile, and waited for its own end
		}
	}
	d.plan(name)
}

// setRunning notes that an automation runs, or does no longer. The caller holds the lock.
func (d *Dispatcher) setRunning(e *entry, running bool) {
	e.running = running
	g := d.groups[e.group]
	if g == nil {
		return // it is deleted
	}
	if _, member := g.members[e]; !member {
		return
	}
	if running {
		g.running++
	} else {
		g.running--
	}
}

// want plans a run, unless an earlier one is planned. What is due earlier says why.
func (d *Dispatcher) want(e *entry, due time.Time, trigger updaterv1.RunTrigger) {
	if e.due.IsZero() || due.Before(e.due) {
		e.due, e.trigger, e.gathers = due, trigger, false
	}
}

// plan tells the queue when the group is due. The caller holds the lock.
func (d *Dispatcher) plan(name string) {
	var first time.Time
	if g := d.groups[name]; g != nil {
		for e := range g.members {
			if !e.running && !e.due.IsZero() && (first.IsZero() || e.due.Before(first)) {
				first = e.due
			}
		}
	}
	if first.IsZero() {
		d.queue.Forget(name)
		return
	}
	d.queue.At(name, first)
}

// gather plans a run of some automations of a group for a change of a policy: at once where the group was quiet. What comes
// during a run, or within the settle time of its end, gathers for the next one, which waits until the changes have paused
// for that time: so a burst makes two commits at most. Changes that never pause gather for maxGather such times. The caller
// holds the lock.
func (d *Dispatcher) gather(name string, changed []*entry) {
	g, now := d.groups[name], time.Now()
	defer d.plan(name)
	if g.running == 0 && g.gathering.IsZero() && now.Sub(g.ended) >= d.Settle {
		for _, e := range changed {
			d.want(e, now, updaterv1.RunTrigger_RUN_TRIGGER_POLICY)
		}
		return
	}
	began := g.gathering
	if began.IsZero() {
		began = now
	}
	due := earlier(now.Add(d.Settle), began.Add(maxGather*d.Settle))
	for _, e := range changed {
		e.gathers = e.gathers || e.due.IsZero() || due.Before(e.due) // else a run comes that will see the change
	}
	for e := range g.members { // also those that wait already, so that they are committed together
		if e.gathers {
			e.due, e.trigger, g.gathering = due, updaterv1.RunTrigger_RUN_TRIGGER_POLICY, began
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// join puts an automation into the group of that name, out of the one that it is in. The caller holds the lock.
func (d *Dispatcher) join(e *entry, name string) {
	was := e.group
	if was == name {
		return
	}
	var ended time.Time
	if g := d.groups[was]; g != nil {
		ended = g.ended
	}
	d.leave(e)
	g := d.groups[name]
	if g == nil {
		g = &group{members: map[*entry]struct{}{}}
		d.groups[name] = g
	}
	e.group = name
	g.members[e] = struct{}{}
	if e.running {
		g.running++
	}
	if ended.After(g.ended) {
		g.ended = ended
	}
	if e.gathers && g.gathering.IsZero() {
		g.gathering = time.Now()
	}
	d.plan(was)
	d.plan(name)
}

// leave takes an automation out of its group. The caller holds the lock.
func (d *Dispatcher) leave(e *entry) {
	g := d.groups[e.group]
	if g == nil {
		return
	}
	delete(g.members, e)
	if e.running {
		g.running--
	}
	if len(g.members) == 0 {
		delete(d.groups, e.group)
	}
}
