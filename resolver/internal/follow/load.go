// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"errors"
	"time"

	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
)

// load brings a repository that policies want up to date, and tells them. It runs at most once at a time for each.
func (f *Follower) load(ctx context.Context, text string) {
	f.mu.RLock()
	s := f.sources[parseKey(text)]
	f.mu.RUnlock()
	if s == nil {
		return
	}
	err := lifecycle.Guard(func() error { return f.refresh(ctx, s) })
	if ctx.Err() != nil {
		return
	}
	if stacked, ok := errors.AsType[*lifecycle.PanicError](err); ok {
		f.logger.ErrorContext(ctx, "loading tags failed by a defect", "repository", text, "error", err, "stack", stacked.Stack())
	}
	f.conclude(ctx, s, err)
}

// conclude plans another try where the scanner could not be asked, and tells the policies.
func (f *Follower) conclude(ctx context.Context, s *source, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sources[s.key] != s {
		return
	}
	if err != nil {
		after := retryAfter(s.failures)
		if s.failures == 0 {
			f.logger.WarnContext(ctx, "tags are not loaded; trying again", "repository", s.key.String(), "error", err, "after", after)
		}
		s.failures++
		f.loads.At(s.key.String(), time.Now().Add(after))
	} else {
		s.failures = 0
	}
	for policy := range s.policies {
		f.notify(policy)
	}
}

// refresh asks the scanner for the tags, and for the leave of each namespace that needs one. What it finds out, problems
// included, is kept in the source; the error is ErrUnreachable or the context's.
func (f *Follower) refresh(ctx context.Context, s *source) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	err := f.refreshTags(ctx, s)
	if err != nil || s.tags == nil {
		return err
	}
	f.mu.RLock()
	namespaces := s.foreign()
	f.mu.RUnlock()
	head := s.head()
	for namespace := range namespaces {
		err = errors.Join(err, f.refreshAccess(ctx, s, namespace))
	}
	if s.head() != head { // the spec has changed meanwhile, and the verdicts may be of before and of after
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ask(s)
	}
	return err
}

// reload is refreshTags for a caller who wants the tags for itself. If there is something new, the policies are told by
// another load: the head that follows on the stream will tell nothing new. The caller holds loading.
func (f *Follower) reload(ctx context.Context, s *source) error {
	tags, head := s.tags, s.head()
	err := f.refreshTags(ctx, s)
	f.mu.Lock()
	defer f.mu.Unlock()
	if (s.tags != tags || s.head() != head) && len(s.policies) > 0 {
		f.ask(s)
	}
	return err
}

// refreshTags asks for the tags as the repository's own namespace. The caller holds loading.
func (f *Follower) refreshTags(ctx context.Context, s *source) error {
	f.mu.RLock()
	asking := s.changed
	f.mu.RUnlock()
	tags, err := f.fetch(ctx, s, s.key.Namespace)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s.asked, s.err = asking, err
	switch {
	case err == nil:
		s.tags = tags
	case errors.Is(err, ErrUnreachable):
		return err
	default:
		s.tags = nil
		clear(s.access)
	}
	return nil
}

// refreshAccess asks whether policies of the namespace may read the tags, unless that is known. The caller holds loading.
func (f *Follower) refreshAccess(ctx context.Context, s *source, namespace string) error {
	head := s.tags.head()
	f.mu.RLock()
	known := s.access[namespace]
	f.mu.RUnlock()
	if known.holds(head) && !errors.Is(known.err, ErrUnreachable) {
		return nil
	}
	tags, err := f.fetch(ctx, s, namespace)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		s.tags = tags
		head = tags.head()
	}
	s.access[namespace] = verdict{uid: head.GetUid(), generation: head.GetGeneration(), err: err}
	if errors.Is(err, ErrUnreachable) {
		return err
	}
	return nil
}

func (s *source) lock(ctx context.Context) error {
	select {
	case s.loading <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *source) unlock() { <-s.loading }

// Refresh asks the scanner now, and returns what a policy of that namespace gets to see. It need not want the
// repository. Where the scanner does not answer, the last good tags are returned if there are some. Errors: those of
// Look but ErrPending, and the context's.
func (f *Follower) Refresh(ctx context.Context, repository object.Key, namespace string) (*Tags, error) {
	f.mu.Lock()
	s := f.sourceOf(repository)
	s.used.Store(time.Now().UnixNano())
	f.mu.Unlock()
	defer f.settleIdle()
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	if err := f.reload(ctx, s); err != nil && ctx.Err() != nil {
		return nil, err
	}
	if s.tags != nil && namespace != repository.Namespace {
		if err := f.refreshAccess(ctx, s, namespace); err != nil && ctx.Err() != nil {
			return nil, err
		}
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	return s.look(namespace)
}
