// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package once

import (
	"bytes"
	"context"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// atOnce is how many objects are worked on at a time.
const atOnce = 8

// each works on n things, several at a time, and shows their progress in their order: the first one's as it comes, that of
// the others when it is their turn.
func each(ctx context.Context, n int, out io.Writer, work func(ctx context.Context, i int, progress terminal.Progress) error) error {
	lanes := make([]*lane, n)
	for i := range lanes {
		lanes[i] = &lane{out: out}
	}
	if n > 0 {
		lanes[0].open()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	var turn sync.Mutex
	done, current := make([]bool, n), 0
	for i := range n {
		group.Go(func() error {
			err := work(ctx, i, terminal.New(lanes[i]))
			turn.Lock()
			defer turn.Unlock()
			done[i] = true
			for current < n && done[current] {
				if current++; current < n {
					lanes[current].open()
				}
			}
			return err
		})
	}
	return group.Wait()
}

// lane is one thing's progress: kept until it is opened, then passed on.
type lane struct {
	mu     sync.Mutex
	out    io.Writer
	kept   bytes.Buffer
	opened bool
}

// Write implements io.Writer. Progress that cannot be shown is no reason to fail.
func (l *lane) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened {
		_, _ = l.out.Write(p)
		return len(p), nil
	}
	return l.kept.Write(p)
}

func (l *lane) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = true
	_, _ = l.out.Write(l.kept.Bytes())
	l.kept.Reset()
}
