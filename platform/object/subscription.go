// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidemark-io/tidemark/platform/watch"
)

// item shortens what the cache answers with.
type item[T Message] = watch.Item[Key, *entry[T]]

// Event is one step of a subscription: an object changed, was deleted (or left the filter), or a checkpoint.
type Event[T Message] struct {
	// Changed is the object as it is now; nil for the other events. It is shared: Clone it before changing it.
	Changed T
	// Attachments of the changed object, by segment; see WithAttachment. Shared as well.
	Attachments map[string]Attachment
	// Deleted names what is gone; nil for the other events.
	Deleted *Key
	// Checkpoint says that all up to here has been told.
	Checkpoint bool
	// ResumeToken, where it is set, is the place of this event: a later subscription with it goes on after it.
	ResumeToken string
}

// Subscription follows the objects that match a filter. It is for one goroutine. It holds no goroutine of its own, so
// there is nothing to close.
type Subscription[T Message] struct {
	store *Store[T]
	match matcher
	// token is the token of the cursor's place but for the revision.
	token  token
	cursor int64
	queue  []Event[T]
	// sent are the objects that the reader takes for matching.
	sent map[Key]struct{}
	more <-chan struct{}
	// quiet is since when nothing was told.
	quiet time.Time
}

// Subscribe follows the objects that match the filter: without a token from a snapshot, with one from its place, from
// which each later change is told once (states in between may be merged). It waits for the store to be Ready. Errors:
// ErrTokenExpired, ErrTokenForeign, ErrShuttingDown, ErrSlowConsumer (while more is written than the cache remembers: try
// again), a *rpcerr.Error for a bad selector, store.ErrUnavailable.
func (s *Store[T]) Subscribe(ctx context.Context, f Filter, resume string) (*Subscription[T], error) {
	match, err := newMatcher(f)
	if err != nil {
		return nil, err
	}
	if err := s.awaitReady(ctx); err != nil {
		return nil, err
	}
	sub := &Subscription[T]{
		store: s,
		match: match,
		token: token{cluster: s.store.ClusterID(), epoch: s.store.Epoch(), filter: match.hash(s.kind.Plural)},
		sent:  map[Key]struct{}{},
		quiet: time.Now(),
	}
	if resume == "" {
		if err := s.catchUp(ctx); err != nil {
			return nil, err
		}
		sub.snapshot()
		return sub, nil
	}
	if err := sub.resume(ctx, resume); err != nil {
		return nil, fmt.Errorf("resuming the watch of %s: %w", s.kind.Plural, err)
	}
	return sub, nil
}

// catchUpTimeout bounds how long a snapshot waits for what was written before it was asked for. A store that does not answer
// is told of by others; what is known is better than nothing then.
const catchUpTimeout = 2 * time.Second

// catchUp waits until the cache has what was written before, so that who has written something finds it in a snapshot.
func (s *Store[T]) catchUp(ctx context.Context) error {
	timed, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	if err := s.Sync(timed); err != nil && ctx.Err() != nil {
		return fmt.Errorf("waiting for the %s: %w", s.kind.Plural, ctx.Err())
	}
	return nil
}

func (s *Store[T]) awaitReady(ctx context.Context) error {
	select {
	case <-s.cache.Ready():
	case <-s.cache.Done():
	case <-ctx.Done():
		return fmt.Errorf("waiting for the %s: %w", s.kind.Plural, ctx.Err())
	}
	select {
	case <-s.cache.Done():
		return ErrShuttingDown
	default:
		return nil
	}
}

// snapshot queues all that matches, and a checkpoint.
func (sub *Subscription[T]) snapshot() {
	items, revision := sub.store.cache.Snapshot()
	slices.SortFunc(items, func(a, b item[T]) int { return a.ID.Compare(b.ID) })
	for _, it := range items {
		sub.tell(it, false)
	}
	sub.cursor = revision
	sub.queue = append(sub.queue, Event[T]{Checkpoint: true, ResumeToken: sub.here()})
}

// resume queues what changed since the token.
func (sub *Subscription[T]) resume(ctx context.Context, text string) error {
	given, err := parseToken(text)
	if err != nil {
		return err
	}
	if err := given.checkOrigin(sub.token); err != nil {
		return err
	}
	if err := sub.reach(ctx, given.revision); err != nil {
		return err
	}
	cache := sub.store.cache
	// What matches now is what the reader knows, but for what changed since the token: that is told below, and told
	// as deleted where it does not match, for the reader may know it.
	items, _ := cache.Snapshot()
	for _, it := range items {
		if sub.match.matches(it.Value.object.GetMetadata()) {
			sub.sent[it.ID] = struct{}{}
		}
	}
	past, from, err := sub.forgotten(ctx, given.revision)
	if err != nil {
		return err
	}
	// Past objects are read before the newer changes: one that changes in between is among those, and told once.
	items = cache.Items(past)
	changes, err := cache.Since(from)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSlowConsumer, err)
	}
	sub.catchUp(items, changes)
	return nil
}

// forgotten asks the store's history for what the cache has forgotten since the revision, and says up to where.
func (sub *Subscription[T]) forgotten(ctx context.Context, revision int64) ([]Key, int64, error) {
	if sub.store.cache.Remembers(revision) {
		return nil, revision, nil
	}
	past, upTo, err := sub.store.cache.History(ctx, revision)
	if errors.Is(err, watch.ErrCompacted) {
		err = fmt.Errorf("%w: %w", ErrTokenExpired, err)
	}
	return past, upTo, err
}

// reach waits for the cache to be where the token is, which another replica may have given.
func (sub *Subscription[T]) reach(ctx context.Context, revision int64) error {
	if revision <= sub.store.cache.Revision() {
		return nil
	}
	newest, err := sub.store.storeRevision(ctx)
	if err != nil {
		return err
	}
	if revision > newest {
		return fmt.Errorf("%w: it is of the future", ErrTokenForeign)
	}
	return sub.store.cache.WaitFor(ctx, revision)
}

// catchUp queues the objects of the past that have not changed again since, then those that have.
func (sub *Subscription[T]) catchUp(past []item[T], changes watch.Changes[Key, *entry[T]]) {
	again := map[Key]struct{}{}
	for _, it := range changes.Items {
		again[it.ID] = struct{}{}
	}
	past = slices.DeleteFunc(past, func(it item[T]) bool { _, ok := again[it.ID]; return ok })
	for _, it := range slices.Concat(past, changes.Items) {
		sub.tell(it, sub.match.inNamespace(it.ID))
	}
	sub.moveTo(changes)
}

// Next returns the next event, waiting for one if it must; a checkpoint after an idle minute. Errors: ErrSlowConsumer
// when the reader was away for too long, ErrShuttingDown when the store's Run has ended, the context's. After an error
// the subscription is of no more use.
func (sub *Subscription[T]) Next(ctx context.Context) (Event[T], error) {
	for len(sub.queue) == 0 {
		if err := sub.await(ctx); err != nil {
			return Event[T]{}, err
		}
		changes, err := sub.store.cache.Since(sub.cursor)
		if err != nil {
			return Event[T]{}, fmt.Errorf("%w: %w", ErrSlowConsumer, err)
		}
		for _, it := range changes.Items {
			sub.tell(it, false)
		}
		sub.moveTo(changes)
		if len(sub.queue) == 0 && time.Since(sub.quiet) >= sub.store.opts.checkpoint {
			sub.queue = append(sub.queue, Event[T]{Checkpoint: true, ResumeToken: sub.here()})
		}
	}
	event := sub.queue[0]
	sub.queue[0] = Event[T]{}
	sub.queue = sub.queue[1:]
	sub.quiet = time.Now()
	return event, nil
}

// await returns when there may be something to tell.
func (sub *Subscription[T]) await(ctx context.Context) error {
	if sub.more == nil { // after a snapshot: look at once
		return nil
	}
	idle := time.NewTimer(time.Until(sub.quiet.Add(sub.store.opts.checkpoint)))
	defer idle.Stop()
	select {
	case <-sub.more:
		return nil
	case <-idle.C:
		return nil
	case <-sub.store.cache.Done():
		return ErrShuttingDown
	case <-ctx.Done():
		return fmt.Errorf("watching the %s: %w", sub.store.kind.Plural, ctx.Err())
	}
}

// tell queues what became of an object, if it is news to the reader; deletions are, if mayKnow says so.
func (sub *Subscription[T]) tell(it item[T], mayKnow bool) {
	if it.Present && sub.match.matches(it.Value.object.GetMetadata()) {
		sub.sent[it.ID] = struct{}{}
		sub.queue = append(sub.queue, Event[T]{Changed: it.Value.object, Attachments: it.Value.attachments})
		return
	}
	if _, known := sub.sent[it.ID]; known || mayKnow {
		delete(sub.sent, it.ID)
		sub.queue = append(sub.queue, Event[T]{Deleted: &it.ID})
	}
}

// moveTo puts the cursor at the end of the changes just queued; the last of them gets the token.
func (sub *Subscription[T]) moveTo(changes watch.Changes[Key, *entry[T]]) {
	sub.cursor, sub.more = changes.Revision, changes.More
	if n := len(sub.queue); n > 0 {
		sub.queue[n-1].ResumeToken = sub.here()
	}
}

func (sub *Subscription[T]) here() string {
	place := sub.token
	place.revision = sub.cursor
	return place.String()
}
