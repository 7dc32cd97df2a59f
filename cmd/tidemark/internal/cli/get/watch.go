// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// watch shows what there is, then each row that changes, until ctx ends. A server that goes away after it has answered
// is waited for.
func (q query) watch(ctx context.Context, views []view, out io.Writer, progress terminal.Progress) error {
	parallel, ctx := errgroup.WithContext(ctx)
	screen := &screen{out: out}
	shown := make(chan struct{})
	close(shown)
	for _, v := range views {
		f := &follower{
			query: q, view: v, screen: screen, progress: progress, after: shown, done: make(chan struct{}),
			table: table.New(out, v.header(q.options), q.options.noHeader), rows: map[string][]string{},
		}
		shown = f.done
		parallel.Go(func() error { return f.run(ctx) })
	}
	err := parallel.Wait()
	if errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled) {
		return nil // the person has seen enough
	}
	return err
}

// screen is shared by the tables of a watch: one writes at a time.
type screen struct {
	mu    sync.Mutex
	out   io.Writer
	begun bool
}

// separate writes a blank line where a table stands above already.
func (s *screen) separate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		s.begun = true
		return nil
	}
	if _, err := io.WriteString(s.out, "\n"); err != nil {
		return fmt.Errorf("write the tables: %w", err)
	}
	return nil
}

// follower keeps one view's table going.
type follower struct {
	query    query
	view     view
	screen   *screen
	table    *table.Table
	progress terminal.Progress
	// after is closed when the table before this one is shown, done when this one is.
	after <-chan struct{}
	done  chan struct{}
	shown bool

	token string
	// snapshot is under way: rows come in seen until the checkpoint.
	snapshot bool
	seen     map[string][]string
	// rows are those on the screen.
	rows map[string][]string
}

func (f *follower) run(ctx context.Context) error {
	for {
		err := f.stream(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, rpcerr.ErrTokenExpired), errors.Is(err, rpcerr.ErrTokenForeign):
			f.token = ""
			continue
		case !f.shown || !mayResume(err):
			return err
		}
		f.progress.Wait("%s", rpcerr.Sentence(err)+"; trying again")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second): // gRPC itself waits longer between its tries to connect
		}
	}
}

func mayResume(err error) bool {
	return errors.Is(err, connection.ErrUnreachable) || errors.Is(err, io.EOF) ||
		errors.Is(err, rpcerr.ErrSlowConsumer) || errors.Is(err, rpcerr.ErrShuttingDown) ||
		errors.Is(err, rpcerr.ErrStoreUnavailable)
}

// stream watches until the stream ends, and says why it did.
func (f *follower) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := f.query.servers.To(ctx, f.view.kind.Service)
	if err != nil {
		return err
	}
	next, err := f.view.kind.Watch(ctx, conn, f.query.filter(), f.token)
	if err != nil {
		return err
	}
	f.snapshot, f.seen = f.token == "", map[string][]string{}
	for {
		event, err := next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the server ended the watch: %w", err)
		}
		if err != nil {
			return err
		}
		if err := f.take(ctx, event); err != nil {
			return err
		}
		if event.ResumeToken != "" {
			f.token = event.ResumeToken
		}
	}
}

func (f *follower) take(ctx context.Context, event kinds.Event) error {
	switch {
	case event.Checkpoint && f.snapshot:
		return f.endSnapshot(ctx)
	case event.Changed != nil:
		return f.changed(event.Changed)
	case event.Deleted != nil:
		key := event.Deleted.GetNamespace() + "/" + event.Deleted.GetName()
		return f.gone(key, f.view.goneRow(f.query.options, event.Deleted))
	default:
		return nil
	}
}

func (f *follower) changed(o kinds.Object) error {
	key := o.GetMetadata().GetNamespace() + "/" + o.GetMetadata().GetName()
	if !f.query.wants(o) {
		delete(f.rows, key) // shown again if it comes back
		return nil
	}
	row := f.view.row(f.query.options, o)
	if f.snapshot {
		f.seen[key] = row
		return nil
	}
	return f.show(map[string][]string{key: row})
}

// gone shows the end of an object that was on the screen.
func (f *follower) gone(key string, row []string) error {
	if _, ok := f.rows[key]; !ok {
		return nil
	}
	delete(f.rows, key)
	return f.write([][]string{row})
}

// endSnapshot shows the rows of a snapshot; of a later one, after a token expired, what differs.
func (f *follower) endSnapshot(ctx context.Context) error {
	f.snapshot = false
	if f.shown {
		return f.showDifference()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.after:
	}
	f.shown = true
	defer close(f.done)
	if err := f.screen.separate(); err != nil {
		return err
	}
	return f.show(f.seen)
}

func (f *follower) showDifference() error {
	for _, key := range slices.Sorted(maps.Keys(f.rows)) {
		if _, ok := f.seen[key]; ok {
			continue
		}
		namespace, name, _ := strings.Cut(key, "/")
		row := f.view.goneRow(f.query.options, &metav1.ObjectDeleted{Namespace: namespace, Name: name})
		if err := f.gone(key, row); err != nil {
			return err
		}
	}
	return f.show(f.seen)
}

// show writes the rows that are not on the screen already, in the order of their keys.
func (f *follower) show(rows map[string][]string) error {
	var keys []string
	for key, row := range rows {
		if !slices.Equal(f.rows[key], row) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, strings.Compare)
	fresh := make([][]string, len(keys))
	for i, key := range keys {
		fresh[i] = rows[key]
		f.rows[key] = rows[key]
	}
	return f.write(fresh)
}

func (f *follower) write(rows [][]string) error {
	f.screen.mu.Lock()
	defer f.screen.mu.Unlock()
	return f.table.Write(rows)
}
