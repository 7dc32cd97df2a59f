// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/following"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/screen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

const (
	// marked is how long a row that changed is marked, and one that is deleted stays.
	marked = 3 * time.Second
	// pause is between two drawings, so that a storm of changes is not drawn one by one.
	pause = 40 * time.Millisecond
)

// live shows the tables on a terminal as they are, in place, until ctx ends; then the last state is written for good.
func (q query) live(ctx context.Context, views []view, out io.Writer, file *os.File, colours bool) (err error) {
	b := &board{changed: make(chan struct{}, 1), colours: colours}
	followers := make([]following.Follower, len(views))
	for i, v := range views {
		b.tables = append(b.tables, &sheet{header: v.header(q.options), noHeader: q.options.noHeader, rows: map[string]*entry{}})
		followers[i] = &updater{query: q, view: v, board: b, sheet: b.tables[i]}
	}
	display := screen.New(file)
	defer func() { err = errors.Join(err, display.Close(), b.last(out)) }()
	following, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		failed = q.follow(following, views, followers)
	}()
	drawing := b.show(ctx, display, done)
	stop()
	<-done
	return errors.Join(drawing, failed)
}

// board is what is shown: a table for each view. It may be used from many goroutines.
type board struct {
	changed chan struct{}
	colours bool

	mu     sync.Mutex
	tables []*sheet
	// away says why a server is; empty: all are there.
	away string
}

// sheet is one table, and entry one row of it.
type sheet struct {
	header   []string
	noHeader bool
	// ready: the snapshot has come.
	ready bool
	rows  map[string]*entry
}

type entry struct {
	cells []string
	// changed is when it did, after the first snapshot; deleted is when it was.
	changed, deleted time.Time
}

// change changes the board, and has it drawn.
func (b *board) change(how func(now time.Time)) {
	b.mu.Lock()
	how(time.Now())
	b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// show draws the board whenever something changes, until the following or ctx ends.
func (b *board) show(ctx context.Context, display *screen.Screen, ended <-chan struct{}) error {
	resized, stop := screen.Resized()
	defer stop()
	expiry := time.NewTimer(time.Hour)
	defer expiry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case <-b.changed:
		case <-resized:
		case <-expiry.C:
		}
		next, err := b.draw(display, time.Now())
		if err != nil {
			return err
		}
		expiry.Reset(next)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// draw draws the board once, and says when it will look different though nothing happens.
func (b *board) draw(display *screen.Screen, now time.Time) (next time.Duration, err error) {
	b.mu.Lock()
	next = b.expire(now)
	_, rows := display.Size()
	ready := slices.ContainsFunc(b.tables, func(s *sheet) bool { return s.ready })
	lines := b.layout(rows, now)
	b.mu.Unlock()
	if !ready {
		return next, nil
	}
	return next, display.Draw(lines)
}

// expire takes away what was deleted long enough ago, and returns how long until the next mark ends.
func (b *board) expire(now time.Time) time.Duration {
	next := time.Hour
	for _, s := range b.tables {
		for key, e := range s.rows {
			left := marked - now.Sub(e.deleted)
			switch {
			case e.deleted.IsZero():
				left = marked - now.Sub(e.changed)
			case left <= 0:
				delete(s.rows, key)
			}
			if left > 0 {
				next = min(next, left)
			}
		}
	}
	return next
}

// last writes the tables as they were at the end, as `get` without --watch does.
func (b *board) last(out io.Writer) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(time.Now().Add(marked))
	written := false
	for _, s := range b.tables {
		if !s.ready {
			continue
		}
		if written {
			if _, err := io.WriteString(out, "\n"); err != nil {
				return fmt.Errorf("write the tables: %w", err)
			}
		}
		written = true
		var rows [][]string
		for _, key := range s.keys() {
			rows = append(rows, s.rows[key].cells)
		}
		if err := table.New(out, s.header, s.noHeader).Write(rows); err != nil {
			return err
		}
	}
	return nil
}

// updater keeps one view's table up to date.
type updater struct {
	query query
	view  view
	board *board
	sheet *sheet
}

// Snapshot puts all rows in place of those that were there.
func (u *updater) Snapshot(_ context.Context, objects []kinds.Object) error {
	rows := u.query.rowsOf(u.view, objects)
	u.board.change(func(now time.Time) {
		for key, e := range u.sheet.rows {
			if _, ok := rows[key]; !ok && e.deleted.IsZero() {
				e.end(now)
			}
		}
		for key, cells := range rows {
			u.sheet.put(key, cells, now)
		}
		u.sheet.ready, u.board.away = true, ""
	})
	return nil
}

// Changed puts an object's row in its place.
func (u *updater) Changed(_ context.Context, o kinds.Object) error {
	key := keyOf(o.GetMetadata().GetNamespace(), o.GetMetadata().GetName())
	cells, wanted := u.query.rowsOf(u.view, []kinds.Object{o})[key]
	u.board.change(func(now time.Time) {
		u.board.away = ""
		if !wanted {
			delete(u.sheet.rows, key)
			return
		}
		u.sheet.put(key, cells, now)
	})
	return nil
}

// Deleted marks an object's row; it goes a moment later.
func (u *updater) Deleted(_ context.Context, gone *metav1.ObjectDeleted) error {
	u.board.change(func(now time.Time) {
		u.board.away = ""
		if e := u.sheet.rows[keyOf(gone.GetNamespace(), gone.GetName())]; e != nil {
			e.end(now)
		}
	})
	return nil
}

// Away is shown below the tables until the server is back.
func (u *updater) Away(sentence string) bool {
	u.board.change(func(time.Time) { u.board.away = sentence })
	return true
}

func (s *sheet) put(key string, cells []string, now time.Time) {
	old := s.rows[key]
	switch {
	case old != nil && old.deleted.IsZero() && slices.Equal(old.cells, cells):
	case s.ready:
		s.rows[key] = &entry{cells: cells, changed: now}
	default:
		s.rows[key] = &entry{cells: cells}
	}
}

func (e *entry) end(now time.Time) {
	e.deleted = now
	e.cells = slices.Clone(e.cells)
	e.cells[len(e.cells)-1] = "deleted"
}
