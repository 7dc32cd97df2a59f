// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/following"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// follow shows what happened, and then each event as the services tell of a change, until ctx ends.
func (v *verb) follow(ctx context.Context, s scope, out io.Writer, progress terminal.Progress) error {
	j := &journal{verb: v, scope: s, table: v.table(out), progress: progress, known: map[string]*past{}}
	parallel, watching := errgroup.WithContext(ctx)
	var waiting sync.WaitGroup
	for _, kind := range s.kinds {
		f := &follower{journal: j, kind: kind}
		waiting.Add(1)
		f.first = sync.OnceFunc(waiting.Done)
		parallel.Go(func() error {
			defer f.first()
			err := following.Run(watching, v.servers, kind, kinds.Filter{Namespace: s.namespace}, f)
			if errors.Is(err, kinds.ErrNotWatched) {
				return f.once(watching) // Receivers: what they tell now
			}
			return err
		})
	}
	parallel.Go(func() error {
		waiting.Wait() // what happened before is sorted over all kinds
		return j.begin()
	})
	err := parallel.Wait()
	if errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled) {
		return nil // the person has seen enough
	}
	return err
}

// journal writes the events that were not written yet. It may be used from many goroutines.
type journal struct {
	verb     *verb
	scope    scope
	progress terminal.Progress

	mu    sync.Mutex
	table *table.Table
	// begun: the first events are written; before, they are collected in early.
	begun bool
	early []event
	known map[string]*past
}

// past is what is known of one object: no more than it tells of itself now, so that it stays small.
type past struct {
	ids    map[string]bool
	latest time.Time
}

// tell writes those events of an object that it did not tell of before. What is older than what it told of is no news.
func (j *journal) tell(object string, events []event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	old := j.known[object]
	if old == nil {
		old = &past{}
	}
	now := &past{ids: make(map[string]bool, len(events)), latest: old.latest}
	var fresh []event
	for _, e := range events {
		now.ids[e.id] = true
		if !old.ids[e.id] && !e.time.Before(old.latest) {
			fresh = append(fresh, e)
		}
	}
	for _, e := range fresh {
		if e.time.After(now.latest) {
			now.latest = e.time
		}
	}
	j.known[object] = now
	if !j.begun {
		j.early = append(j.early, fresh...)
		return nil
	}
	found, _ := j.scope.latest(fresh, most)
	return j.verb.write(j.table, found)
}

// begin writes what happened before.
func (j *journal) begin() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	found, left := j.scope.latest(j.early, j.verb.limit)
	j.begun, j.early = true, nil
	if left > 0 {
		j.progress.Warning("%s left out; see --limit", terminal.Count(left, "earlier event"))
	}
	return j.verb.write(j.table, found)
}

// follower follows the objects of one kind.
type follower struct {
	journal *journal
	kind    kinds.Kind
	// first is called when the first snapshot is told.
	first func()
}

// Snapshot tells what all objects tell.
func (f *follower) Snapshot(ctx context.Context, objects []kinds.Object) error {
	questions, ctx := errgroup.WithContext(ctx)
	questions.SetLimit(atOnce)
	for _, o := range objects {
		questions.Go(func() error { return f.Changed(ctx, o) })
	}
	err := questions.Wait()
	f.first()
	return err
}

// once tells what there is of a kind that is not watched.
func (f *follower) once(ctx context.Context) error {
	objects, err := f.journal.verb.objects(ctx, f.kind, f.journal.scope)
	if err != nil {
		return err
	}
	return f.Snapshot(ctx, objects)
}

// Changed tells what an object tells that it did not before.
func (f *follower) Changed(ctx context.Context, o kinds.Object) error {
	meta := o.GetMetadata()
	if f.journal.scope.name != "" && meta.GetName() != f.journal.scope.name {
		return nil
	}
	events := ofObject(f.kind, o)
	more, err := f.journal.verb.more(ctx, f.kind, o)
	if err != nil {
		return err
	}
	return f.journal.tell(f.key(meta.GetNamespace(), meta.GetName()), append(events, more...))
}

// Deleted tells of the object's end.
func (f *follower) Deleted(_ context.Context, gone *metav1.ObjectDeleted) error {
	if f.journal.scope.name != "" && gone.GetName() != f.journal.scope.name {
		return nil
	}
	e := event{
		id: "deleted", time: time.Now(), kind: normal, reason: "Deleted", namespace: gone.GetNamespace(),
		object: f.kind.Noun + "/" + gone.GetName(), message: "deleted",
	}
	key := f.key(gone.GetNamespace(), gone.GetName())
	f.journal.mu.Lock()
	if old := f.journal.known[key]; old != nil && old.latest.After(e.time) {
		e.time = old.latest // the server's clock is ahead of this one
	}
	f.journal.mu.Unlock()
	err := f.journal.tell(key, []event{e})
	f.journal.mu.Lock()
	delete(f.journal.known, key)
	f.journal.mu.Unlock()
	return err
}

// Away says that the server is.
func (f *follower) Away(sentence string) bool {
	f.journal.progress.Wait("%s", sentence)
	return false
}

func (f *follower) key(namespace, name string) string {
	return f.kind.Noun + "/" + namespace + "/" + name
}
