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

	"golang.org/x/sync/errgroup"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/following"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// watch shows what there is, then each row that changes, one below the other, until ctx ends. A server that goes away after
// it has answered is waited for.
func (q query) watch(ctx context.Context, views []view, out io.Writer, progress terminal.Progress) error {
	screen := &paper{out: out}
	before := make(chan struct{})
	close(before)
	followers := make([]following.Follower, len(views))
	for i, v := range views {
		f := &writer{
			query: q, view: v, paper: screen, progress: progress, before: before, done: make(chan struct{}),
			table: table.New(out, v.header(q.options), q.options.noHeader), rows: map[string][]string{},
		}
		before = f.done
		followers[i] = f
	}
	return q.follow(ctx, views, followers)
}

// follow follows each view until ctx ends, or one of them cannot be.
func (q query) follow(ctx context.Context, views []view, followers []following.Follower) error {
	parallel, ctx := errgroup.WithContext(ctx)
	for i, v := range views {
		parallel.Go(func() error { return following.Run(ctx, q.servers, v.kind, q.filter(), followers[i]) })
	}
	err := parallel.Wait()
	if errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled) {
		return nil // the person has seen enough
	}
	return err
}

// keyOf is an object's place in its table.
func keyOf(namespace, name string) string { return namespace + "/" + name }

// rowsOf are the rows of those objects that are wanted.
func (q query) rowsOf(v view, objects []kinds.Object) map[string][]string {
	rows := map[string][]string{}
	for _, o := range objects {
		if q.wants(o) {
			rows[keyOf(o.GetMetadata().GetNamespace(), o.GetMetadata().GetName())] = v.row(q.options, o)
		}
	}
	return rows
}

// paper is shared by the tables of a watch: one writes at a time.
type paper struct {
	mu    sync.Mutex
	out   io.Writer
	begun bool
}

// separate writes a blank line where a table stands above already.
func (p *paper) separate() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.begun {
		p.begun = true
		return nil
	}
	if _, err := io.WriteString(p.out, "\n"); err != nil {
		return fmt.Errorf("write the tables: %w", err)
	}
	return nil
}

// writer keeps one view's table going, row after row.
type writer struct {
	query    query
	view     view
	paper    *paper
	table    *table.Table
	progress terminal.Progress
	// before is closed when the table before this one is shown, done when this one is.
	before <-chan struct{}
	done   chan struct{}
	shown  bool
	// rows are those that were written last.
	rows map[string][]string
}

// Snapshot shows the rows of a snapshot; of a later one, after a token expired, what differs.
func (w *writer) Snapshot(ctx context.Context, objects []kinds.Object) error {
	rows := w.query.rowsOf(w.view, objects)
	if w.shown {
		return w.showDifference(ctx, rows)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.before:
	}
	w.shown = true
	defer close(w.done)
	if err := w.paper.separate(); err != nil {
		return err
	}
	return w.show(rows)
}

// Changed shows an object's row, if it is another one than before.
func (w *writer) Changed(_ context.Context, o kinds.Object) error {
	rows := w.query.rowsOf(w.view, []kinds.Object{o})
	if len(rows) == 0 {
		delete(w.rows, keyOf(o.GetMetadata().GetNamespace(), o.GetMetadata().GetName())) // shown again if it comes back
		return nil
	}
	return w.show(rows)
}

// Deleted shows the end of an object that was shown.
func (w *writer) Deleted(_ context.Context, gone *metav1.ObjectDeleted) error {
	key := keyOf(gone.GetNamespace(), gone.GetName())
	if _, ok := w.rows[key]; !ok {
		return nil
	}
	delete(w.rows, key)
	return w.write([][]string{w.view.goneRow(w.query.options, gone)})
}

// Away says that the server is.
func (w *writer) Away(sentence string) bool {
	w.progress.Wait("%s", sentence)
	return false
}

func (w *writer) showDifference(ctx context.Context, rows map[string][]string) error {
	for _, key := range slices.Sorted(maps.Keys(w.rows)) {
		if _, ok := rows[key]; ok {
			continue
		}
		namespace, name, _ := strings.Cut(key, "/")
		if err := w.Deleted(ctx, &metav1.ObjectDeleted{Namespace: namespace, Name: name}); err != nil {
			return err
		}
	}
	return w.show(rows)
}

// show writes the rows that are not there already, in the order of their keys.
func (w *writer) show(rows map[string][]string) error {
	fresh := make([][]string, 0, len(rows))
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if !slices.Equal(w.rows[key], rows[key]) {
			w.rows[key] = rows[key]
			fresh = append(fresh, rows[key])
		}
	}
	return w.write(fresh)
}

func (w *writer) write(rows [][]string) error {
	w.paper.mu.Lock()
	defer w.paper.mu.Unlock()
	return w.table.Write(rows)
}
