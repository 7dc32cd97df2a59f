// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// DefaultStopTimeout bounds how long one part may take to stop.
const DefaultStopTimeout = 30 * time.Second

// Group is the parts of a program. The zero value is ready for use; it is not safe for concurrent use.
type Group struct {
	// StopTimeout is how long each part has to return once its context is cancelled; 0 means [DefaultStopTimeout].
	// A part that does not return by then is an error, and is left behind.
	StopTimeout time.Duration

	parts []*part
}

type part struct {
	name   string
	run    func(ctx context.Context) error
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid once done is closed
}

// Add adds a part. run returns when its context ends; what it returns then does not count if it is the context's
// error. A part may return nil earlier: its work is done, and the others go on. Add before [Group.Run] only.
func (g *Group) Add(name string, run func(ctx context.Context) error) {
	g.parts = append(g.parts, &part{name: name, run: run, done: make(chan struct{})})
}

// Run starts all parts and returns when all have ended: because ctx ended, because one failed, or because all were done.
// Then the parts are stopped one after another, the last added first. The error names each part that failed, the
// first one first; it is nil when ctx ended and all stopped well.
func (g *Group) Run(ctx context.Context) error {
	failed := make(chan *part, len(g.parts))
	allDone := make(chan struct{})
	base := context.WithoutCancel(ctx)
	for _, p := range g.parts {
		var partCtx context.Context
		partCtx, p.cancel = context.WithCancel(base)
		go p.work(partCtx, failed)
	}
	go func() {
		for _, p := range g.parts {
			<-p.done
		}
		close(allDone)
	}()
	var first *part
	select {
	case <-ctx.Done():
	case first = <-failed:
	case <-allDone:
	}
	return g.stop(first)
}

func (p *part) work(ctx context.Context, failed chan<- *part) {
	defer close(p.done)
	err := Guard(func() error { return p.run(ctx) })
	if err == nil || (ctx.Err() != nil && errors.Is(err, context.Canceled)) {
		return
	}
	var stacked *PanicError
	if errors.As(err, &stacked) {
		err = fmt.Errorf("%w\n%s", err, stacked.Stack())
	}
	p.err = fmt.Errorf("%s: %w", p.name, err)
	failed <- p
}

func (g *Group) stop(first *part) error {
	timeout := g.StopTimeout
	if timeout <= 0 {
		timeout = DefaultStopTimeout
	}
	var errs []error
	if first != nil {
		<-first.done
		errs = append(errs, first.err)
	}
	for i := len(g.parts) - 1; i >= 0; i-- {
		p := g.parts[i]
		p.cancel()
		timer := time.NewTimer(timeout)
		select {
		case <-p.done:
			if p != first && p.err != nil {
				errs = append(errs, p.err)
			}
		case <-timer.C:
			errs = append(errs, fmt.Errorf("%s: did not stop within %s", p.name, timeout))
		}
		timer.Stop()
	}
	return errors.Join(errs...)
}
