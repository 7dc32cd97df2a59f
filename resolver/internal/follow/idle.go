// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"slices"
	"time"

	"github.com/tidemark-io/tidemark/platform/object"
)

// Tags that no policy wants are kept for whoever asks next, within these bounds: a million tags take about 150 MB.
const (
	maxIdleSources = 256
	maxIdleTags    = 1_000_000
)

// Tags returns the repository's tags as a policy of its own namespace gets to see them; it loads them if they are not
// held, or not up to date. Where the scanner does not answer, the last good tags are returned if there are some. Errors:
// ErrAbsent, ErrNotScanned, ErrUnreachable, the context's.
func (f *Follower) Tags(ctx context.Context, repository object.Key) (*Tags, error) {
	if tags := f.heldTags(repository); tags != nil {
		return tags, nil
	}
	f.mu.Lock()
	s := f.sourceOf(repository)
	s.used.Store(time.Now().UnixNano())
	f.mu.Unlock()
	defer f.settleIdle()
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	if tags := f.heldTags(repository); tags != nil {
		return tags, nil // somebody else has loaded them meanwhile
	}
	if err := f.reload(ctx, s); err != nil && ctx.Err() != nil {
		return nil, err
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	return s.look(repository.Namespace)
}

// heldTags returns the tags if they are up to date, or as good as can be while the scanner is away.
func (f *Follower) heldTags(repository object.Key) *Tags {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s, ok := f.sources[repository]
	if !ok || s.tags == nil || !s.fresh() && f.online.Load() {
		return nil
	}
	s.used.Store(time.Now().UnixNano())
	return s.tags
}

func (f *Follower) settleIdle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropIdle()
}

// dropIdle forgets what nobody has asked for lately. The caller holds mu.
func (f *Follower) dropIdle() {
	var idle []*source
	for key, s := range f.sources {
		switch {
		case len(s.policies) > 0:
		case s.tags == nil && s.asked > 0:
			delete(f.sources, key)
		default:
			idle = append(idle, s)
		}
	}
	slices.SortFunc(idle, func(a, b *source) int { return int(b.used.Load() - a.used.Load()) })
	tags := 0
	for i, s := range idle {
		if s.tags != nil {
			tags += s.tags.size()
		}
		if i >= maxIdleSources || (i > 0 && tags > maxIdleTags) {
			delete(f.sources, s.key)
		}
	}
}
