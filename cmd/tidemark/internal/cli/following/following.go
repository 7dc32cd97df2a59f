// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package following follows the objects of one kind by its service's watch, and goes on where a stream breaks off. What
// is made of the changes is its caller's matter.
package following

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Follower is told what happens, by one goroutine. An error of its own ends the following.
type Follower interface {
	// Snapshot is all that there is: at the beginning, and again where the server no longer knows what was told.
	Snapshot(ctx context.Context, objects []kinds.Object) error
	// Changed is an object as it is now.
	Changed(ctx context.Context, object kinds.Object) error
	// Deleted is an object that is gone, or no longer matches the filter.
	Deleted(ctx context.Context, gone *metav1.ObjectDeleted) error
	// Away says, in a sentence, why the server is away; it is tried again. True asks for a snapshot then, in place of the changes
	// since: who shows that the server is away is told that it is back.
	Away(sentence string) (anew bool)
}

// Run follows until the context ends, and returns its error then. A server that goes away after it has answered is waited
// for; before that, its error is returned.
func Run(ctx context.Context, servers *connection.Servers, kind kinds.Kind, filter kinds.Filter, f Follower) error {
	r := &run{servers: servers, kind: kind, filter: filter, follower: f}
	for {
		err := r.stream(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, rpcerr.ErrTokenExpired), errors.Is(err, rpcerr.ErrTokenForeign):
			r.token = ""
			continue
		case !r.answered || !mayResume(err):
			return err
		}
		if f.Away(rpcerr.Sentence(err) + "; trying again") {
			r.token = ""
		}
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

type run struct {
	servers  *connection.Servers
	kind     kinds.Kind
	filter   kinds.Filter
	follower Follower

	token    string
	answered bool
	// snapshot is under way: objects come in seen until the checkpoint.
	snapshot bool
	seen     []kinds.Object
}

// stream watches until the stream ends, and says why it did.
func (r *run) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := r.servers.To(ctx, r.kind.Service)
	if err != nil {
		return err
	}
	next, err := r.kind.Watch(ctx, conn, r.filter, r.token)
	if err != nil {
		return err
	}
	r.snapshot, r.seen = r.token == "", nil
	for {
		event, err := next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the server ended the watch: %w", err)
		}
		if err != nil {
			return err
		}
		if err := r.take(ctx, event); err != nil {
			return err
		}
		if event.ResumeToken != "" {
			r.token = event.ResumeToken
		}
	}
}

func (r *run) take(ctx context.Context, event kinds.Event) error {
	switch {
	case event.Checkpoint && r.snapshot:
		r.snapshot, r.answered = false, true
		seen := r.seen
		r.seen = nil
		return r.follower.Snapshot(ctx, seen)
	case event.Changed != nil && r.snapshot:
		r.seen = append(r.seen, event.Changed)
	case event.Changed != nil:
		return r.follower.Changed(ctx, event.Changed)
	case event.Deleted != nil:
		return r.follower.Deleted(ctx, event.Deleted)
	}
	return nil
}
