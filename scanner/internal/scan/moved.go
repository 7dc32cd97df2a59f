// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-io/tidemark/scanner/internal/registry"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

// digestsAtOnce is how many digests one scan asks for at once.
const digestsAtOnce = 4

// followDigests asks for the digests of the tracked tags that are listed, and notes in the job which have moved. What it
// cannot find out it leaves to the next scan, and says so in the log: the tags are listed all the same.
func (l *Loop) followDigests(ctx context.Context, j *job) {
	tracked, err := l.state.Tracked(ctx, j.uid(), time.Now())
	if err != nil {
		l.logger.WarnContext(ctx, "the tracked tags were not read", "repository", j.key.String(), "error", err)
	}
	if len(tracked) == 0 {
		return
	}
	var first []state.Tracked
	j.moved = map[string]string{}
	for _, t := range l.askDigests(ctx, j, listed(tracked, j.tags)) {
		unheard := t.was == "" && !t.Pushed
		t.Pushed = false
		switch {
		case unheard:
			first = append(first, t.Tracked)
		case t.was != t.Digest && len(j.told) < state.MaxMoved:
			j.moved[t.Tag] = t.Digest
			j.told = append(j.told, t.Tracked)
		}
	}
	if err := l.state.Told(ctx, j.uid(), first); err != nil {
		l.logger.WarnContext(ctx, "digests were not noted", "repository", j.key.String(), "error", err)
	}
}

// listed are those of the tracked tags that the registry lists.
func listed(tracked []state.Tracked, tags []string) []state.Tracked {
	wanted := make(map[string]bool, len(tracked))
	for _, t := range tracked {
		wanted[t.Tag] = false
	}
	for _, tag := range tags {
		if _, is := wanted[tag]; is {
			wanted[tag] = true
		}
	}
	there := tracked[:0:0]
	for _, t := range tracked {
		if wanted[t.Tag] {
			there = append(there, t)
		}
	}
	return there
}

// answered is a tracked tag with its digest as it is now, and as it was.
type answered struct {
	state.Tracked
	was string
}

// askDigests asks within the repository's timeout, and stops when the registry does not want to be asked.
func (l *Loop) askDigests(ctx context.Context, j *job, tracked []state.Tracked) []answered {
	ctx, cancel := context.WithTimeout(ctx, source.Timeout(j.repository.GetSpec()))
	defer cancel()
	var mu sync.Mutex
	var answers []answered
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(digestsAtOnce)
	for _, t := range tracked {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			digest, err := l.source.Digest(ctx, j.repository, j.repository.GetSpec().GetImage(), t.Tag)
			if errors.Is(err, registry.ErrNotFound) {
				return nil // it went since it was listed: the next listing tells
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			a := answered{Tracked: t, was: t.Digest}
			a.Digest = digest
			answers = append(answers, a)
			return nil
		})
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		l.logger.WarnContext(ctx, "digests of tracked tags were not read; the next scan asks again",
			"repository", j.key.String(), "asked", len(tracked), "answered", len(answers), "error", err)
	}
	return answers
}
