// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"context"
	"crypto/sha256"
	"time"
)

const (
	settleTime  = 250 * time.Millisecond // how long a folder must rest before it is read
	settleTries = 40                     // after which a folder that never rests is read anyway
)

// Follow loads path at once (unless it is being written this very moment) and hands the set to f, then looks at it every period (zero: one second) and hands over a new
// set whenever the content has changed. A change is read once the folder rests for a quarter of a second, so that a file
// being written is not taken for a shorter one. f is called from this goroutine, one call after the other.
//
// While path cannot be read at all, f gets one set with the error, in which MayHold is true of everything. Follow returns
// the first load's error, or the context's.
func (c *Codec) Follow(ctx context.Context, path string, every time.Duration, opts Options, f func(*Set)) error {
	if every <= 0 {
		every = time.Second
	}
	w := &follower{codec: c, path: path, opts: opts}
	pause := min(every, settleTime)
	if w.look().youngest < pause && !w.rest(ctx, pause) {
		return ctx.Err() //nolint:wrapcheck // As the comment says.
	}
	set, err := w.load()
	if err != nil {
		return err
	}
	f(set)
	for {
		if !sleep(ctx, every) {
			return ctx.Err() //nolint:wrapcheck // As the comment says.
		}
		if !w.changed() {
			continue
		}
		if !w.rest(ctx, pause) {
			return ctx.Err() //nolint:wrapcheck // As the comment says.
		}
		before := w.sum
		set, err := w.load()
		if err != nil {
			set = &Set{Errors: []*Error{{File: path, Sentence: "cannot be read: " + reason(err)}}, Skipped: map[string]int{}}
		}
		if w.sum != before {
			f(set)
		}
	}
}

// follower remembers what it has seen last.
type follower struct {
	codec *Codec
	path  string
	opts  Options
	last  look
	sum   [sha256.Size]byte
}

// load reads everything, and remembers its looks and its sum.
func (w *follower) load() (*Set, error) {
	found, err := list(w.path, w.opts.withDefaults())
	if err != nil {
		// Looks like nothing ever seen, so that the path is tried again.
		w.last, w.sum = look{}, sha256.Sum256([]byte(reason(err)))
		return nil, err
	}
	defer found.close()
	w.last = found.signature(time.Now())
	var set *Set
	set, w.sum = w.codec.load(found, w.opts)
	return set, nil
}

// look takes the folder's looks; what cannot be read looks like nothing that settles.
func (w *follower) look() look {
	found, err := list(w.path, w.opts.withDefaults())
	if err != nil {
		return look{errors: []string{reason(err)}}
	}
	defer found.close()
	return found.signature(time.Now())
}

// changed says whether the content may have changed since it was last read.
func (w *follower) changed() bool { return !w.last.settled() || !w.last.same(w.look()) }

// rest waits until two looks in a row are the same; false: the context ended.
func (w *follower) rest(ctx context.Context, pause time.Duration) bool {
	before := w.look()
	for range settleTries {
		if before.settled() {
			return true
		}
		if !sleep(ctx, pause) {
			return false
		}
		now := w.look()
		if before.same(now) {
			return true
		}
		before = now
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
