// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

	"github.com/tidemark-io/tidemark/platform/store"
)

const (
	// listPage bounds one answer of the first listing.
	listPage = 500
	// progressEvery is how often etcd is asked how far the watch is. Without it an idle watch's resume tokens would age
	// until they are compacted.
	progressEvery = 20 * time.Second
	hurryEvery    = 25 * time.Millisecond
	retryFirst    = 50 * time.Millisecond
	retryMost     = 5 * time.Second
)

// Run fills the cache and keeps it up to date until the context ends; a store that does not answer is tried again. It
// is called once. Errors: the context's, ErrRewound.
func (c *Cache[ID, V]) Run(ctx context.Context) error {
	defer close(c.done)
	wait := retryFirst
	for {
		reached, err := c.reload(ctx)
		if err == nil {
			wait = retryFirst
			err = c.follow(ctx, reached)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("following %s: %w", c.cfg.Prefix, ctx.Err())
		}
		if errors.Is(err, ErrRewound) {
			return err
		}
		c.cfg.Logger.WarnContext(ctx, "following the store was interrupted", "prefix", c.cfg.Prefix, "error", err, "retry_in", wait)
		select {
		case <-time.After(wait):
			wait = min(2*wait, retryMost)
		case <-ctx.Done():
		}
	}
}

// reload reads all keys at one revision, and takes what differs from what the cache holds for changes of that revision.
func (c *Cache[ID, V]) reload(ctx context.Context) (int64, error) {
	listed, revision, err := c.list(ctx)
	if err != nil {
		return 0, err
	}
	if revision < c.current {
		return 0, fmt.Errorf("%w: %s was at revision %d and is at %d", ErrRewound, c.cfg.Prefix, c.current, revision)
	}
	var touched []change[ID]
	for id, members := range listed {
		if !maps.EqualFunc(members, c.groups[id], sameRevision) {
			touched = append(touched, change[ID]{revision, id})
		}
	}
	for id := range c.groups {
		if _, ok := listed[id]; !ok {
			touched = append(touched, change[ID]{revision, id})
		}
	}
	c.groups = listed
	select {
	case <-c.ready:
		c.publish(touched, revision)
	default:
		c.publish(touched, revision)
		c.mu.Lock()
		c.ring = newRing[ID](c.cfg.RingSize)
		c.ring.floor = revision
		c.mu.Unlock()
		close(c.ready)
	}
	return revision, nil
}

func sameRevision(a, b KV) bool { return a.ModRevision == b.ModRevision }

func (c *Cache[ID, V]) list(ctx context.Context) (map[ID]map[string]KV, int64, error) {
	groups := map[ID]map[string]KV{}
	from, end, revision := c.cfg.Prefix, clientv3.GetPrefixRangeEnd(c.cfg.Prefix), int64(0)
	for {
		resp, err := c.cfg.Client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(listPage), clientv3.WithRev(revision))
		if err != nil {
			return nil, 0, store.Wrap("listing "+c.cfg.Prefix, err)
		}
		if revision == 0 {
			revision = resp.Header.GetRevision()
		}
		for _, kv := range resp.Kvs {
			c.put(groups, kv)
		}
		if !resp.More || len(resp.Kvs) == 0 {
			return groups, revision, nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].GetKey()) + "\x00"
	}
}

// put stores a key in its group and returns the group.
func (c *Cache[ID, V]) put(groups map[ID]map[string]KV, kv *mvccpb.KeyValue) (ID, bool) {
	key := strings.TrimPrefix(string(kv.GetKey()), c.cfg.Prefix)
	id, ok := c.cfg.Group(key)
	if !ok {
		return id, false
	}
	if groups[id] == nil {
		groups[id] = map[string]KV{}
	}
	groups[id][key] = KV{Key: key, Value: kv.GetValue(), ModRevision: kv.GetModRevision(), CreateRevision: kv.GetCreateRevision()}
	return id, true
}

func (c *Cache[ID, V]) remove(kv *mvccpb.KeyValue) (ID, bool) {
	key := strings.TrimPrefix(string(kv.GetKey()), c.cfg.Prefix)
	id, ok := c.cfg.Group(key)
	if !ok {
		return id, false
	}
	delete(c.groups[id], key)
	if len(c.groups[id]) == 0 {
		delete(c.groups, id)
	}
	return id, true
}

// follow applies what happens after the revision, until the watch breaks.
func (c *Cache[ID, V]) follow(ctx context.Context, revision int64) error {
	ctx, cancel := context.WithCancel(ownStream(ctx))
	defer cancel()
	events := c.watch(ctx, revision+1)
	progress := time.NewTicker(progressEvery)
	defer progress.Stop()
	for {
		select {
		case resp, open := <-events:
			if !open {
				return fmt.Errorf("%w: the watch of %s was closed", store.ErrUnavailable, c.cfg.Prefix)
			}
			if err := watchError(resp); err != nil {
				return err
			}
			c.apply(resp)
			continue
		case <-progress.C:
		case <-c.hurry:
		}
		if err := c.cfg.Client.RequestProgress(ctx); err != nil {
			return store.Wrap("asking for the watch's progress", err)
		}
	}
}

// ownStream makes a watch have a stream of its own. On a shared one, the progress that another watch asked for can
// overtake the first events of this one, and would say too much.
func ownStream(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(clientv3.WithRequireLeader(ctx), "tidemark-watch", rand.Text())
}

// watch starts a watch whose responses end at a revision's end: etcd cuts a revision only into fragments, which its
// client puts together.
func (c *Cache[ID, V]) watch(ctx context.Context, from int64) clientv3.WatchChan {
	return c.cfg.Client.Watch(ctx, c.cfg.Prefix, clientv3.WithPrefix(), clientv3.WithRev(from),
		clientv3.WithProgressNotify(), clientv3.WithFragment())
}

func watchError(resp clientv3.WatchResponse) error {
	err := resp.Err()
	if resp.CompactRevision != 0 || errors.Is(err, rpctypes.ErrCompacted) {
		return fmt.Errorf("%w: %w: compacted up to %d", store.ErrUnavailable, ErrCompacted, resp.CompactRevision)
	}
	return store.Wrap("watching", err)
}

func (c *Cache[ID, V]) apply(resp clientv3.WatchResponse) {
	if len(resp.Events) == 0 {
		if resp.IsProgressNotify() {
			c.publish(nil, resp.Header.GetRevision())
		}
		return
	}
	touched := make([]change[ID], 0, len(resp.Events))
	for _, event := range resp.Events {
		var id ID
		var ok bool
		if event.Type == mvccpb.Event_DELETE {
			id, ok = c.remove(event.Kv)
		} else {
			id, ok = c.put(c.groups, event.Kv)
		}
		if ok {
			touched = append(touched, change[ID]{event.Kv.GetModRevision(), id})
		}
	}
	c.publish(touched, resp.Events[len(resp.Events)-1].Kv.GetModRevision())
}

// publish composes each group touched, once, and shows the outcome to the readers at once.
func (c *Cache[ID, V]) publish(touched []change[ID], revision int64) {
	composed := make(map[ID]Item[ID, V], len(touched))
	for _, t := range touched {
		if _, ok := composed[t.id]; ok {
			continue
		}
		item := Item[ID, V]{ID: t.id}
		if members := c.groups[t.id]; len(members) != 0 {
			item.Value, item.Present = c.cfg.Compose(t.id, members)
		}
		composed[t.id] = item
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, item := range composed {
		if item.Present {
			c.values[id] = item.Value
		} else {
			delete(c.values, id)
		}
	}
	for _, t := range touched {
		c.ring.add(t.revision, t.id)
	}
	if revision > c.current {
		c.current = revision
		close(c.next)
		c.next = make(chan struct{})
	}
}
