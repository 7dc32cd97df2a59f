// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
)

const (
	// historyTimeout bounds how long a reader may wait for the past.
	historyTimeout = 30 * time.Second
	// historyEvents bounds how much of the past is read; beyond it starting over is cheaper.
	historyEvents = 1 << 18
)

// History asks etcd itself which groups changed after the revision, for readers that the cache has forgotten. It
// returns them, each once, in the order of their last changes, and the revision up to which they are all: go on with
// Since from there. Errors: ErrCompacted (also when there is too much of it), store.ErrUnavailable, the context's.
func (c *Cache[ID, V]) History(ctx context.Context, after int64) ([]ID, int64, error) {
	upTo := c.Revision()
	if after >= upTo {
		return nil, upTo, nil
	}
	ctx, cancel := context.WithTimeout(ownStream(ctx), historyTimeout)
	defer cancel()
	// A ring serves as an ordered set here; it never forgets, being as large as what is read.
	past := newRing[ID](historyEvents)
	if err := c.readPast(ctx, c.watch(ctx, after+1), upTo, past); err != nil {
		return nil, 0, fmt.Errorf("reading the changes after revision %d: %w", after, err)
	}
	ids, _ := past.since(after)
	return ids, upTo, nil
}

func (c *Cache[ID, V]) readPast(ctx context.Context, events clientv3.WatchChan, upTo int64, past *ring[ID]) error {
	hurry := time.NewTicker(hurryEvery)
	defer hurry.Stop()
	for reached := int64(0); reached < upTo; {
		select {
		case resp, open := <-events:
			if !open {
				return errors.Join(fmt.Errorf("%w: the watch was closed", store.ErrUnavailable), ctx.Err())
			}
			if err := watchError(resp); err != nil {
				return err
			}
			reached = c.remember(resp, past)
		case <-hurry.C: // the last change may lie before upTo: then only the watch's progress tells that it was the last
			if err := c.cfg.Client.RequestProgress(ctx); err != nil {
				return store.Wrap("asking for the watch's progress", err)
			}
		}
		if len(past.changes) == historyEvents {
			return fmt.Errorf("%w: more than %d changes", ErrCompacted, historyEvents)
		}
	}
	return nil
}

// remember notes a response's changes and returns the revision that they reach.
func (c *Cache[ID, V]) remember(resp clientv3.WatchResponse, past *ring[ID]) int64 {
	if resp.IsProgressNotify() {
		return resp.Header.GetRevision()
	}
	reached := int64(0)
	for _, event := range resp.Events {
		reached = event.Kv.GetModRevision()
		if id, ok := c.cfg.Group(strings.TrimPrefix(string(event.Kv.GetKey()), c.cfg.Prefix)); ok {
			past.add(reached, id)
		}
	}
	return reached
}
