// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// maxAncestors bounds how many commits are looked at for one question.
const maxAncestors = 2_000_000

// wholeHistory is Git's word for every commit there is.
const wholeHistory = 0x7fffffff

// deepenings are how many commits beyond the cache's boundary are fetched when an answer lies there, one
// after the other.
var deepenings = []int{50, 1000, wholeHistory}

var errManyCommits = fmt.Errorf("more than %d commits", maxAncestors)

// RemoteHas asks the remote, now, whether the commit is the tip of ref or among its ancestors. A reference
// that does not exist has nothing. It is the question after a push whose outcome is not known. Errors are
// those of Fetch.
func (r *Repo) RemoteHas(ctx context.Context, ref Ref, commit Hash) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tips, err := r.fetchAll(ctx, ref)
	if errors.Is(err, ErrBranchNotFound) || errors.Is(err, ErrRefNotFound) || errors.Is(err, ErrEmptyRepository) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return r.contains(ctx, ref, tips[0].Hash, commit)
}

// Contains tells whether commit is tip or one of its ancestors. The cache is asked first; only an answer that
// lies beyond its boundary costs a download of history, of which ref, whose tip it is, says where. A zero tip
// contains nothing.
//
// Errors: ErrStale when tip is not in the cache and ref no longer leads to it, ErrCacheDamaged (fetch again),
// ErrTooLarge, and those of Fetch.
func (r *Repo) Contains(ctx context.Context, ref Ref, tip, commit Hash) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.damaged || r.store == nil {
		return false, r.fail("fetch", ErrCacheDamaged, "", nil)
	}
	return r.contains(ctx, ref, tip, commit)
}

func (r *Repo) contains(ctx context.Context, ref Ref, tip, commit Hash) (found bool, err error) {
	if tip.IsZero() || commit.IsZero() || tip == commit {
		return tip == commit && !tip.IsZero(), nil
	}
	err = r.deepenUntil(ctx, ref, tip, commit, false, func() (seen horizon, err error) {
		found, seen, err = r.ancestor(tip, commit)
		return seen, err
	})
	return found, err
}

// horizon is how far an answer could be looked for.
type horizon struct {
	answered bool // nothing beyond it can change the answer
	far      int  // the largest number of steps to a commit that is not in the cache; to the one looked for when it is found
}

// ancestor tells whether old is from or one of its ancestors in the cache. It is answered as well when the
// whole history was seen, or when all that was not seen is beneath old: a history has no circle. What the cache
// has beyond its recorded boundary, by way of another reference, counts.
func (r *Repo) ancestor(from, old Hash) (found bool, seen horizon, err error) {
	steps, hidden, err := r.descend(from, old)
	if err != nil {
		return false, seen, err
	}
	if far, found := steps[old]; found {
		return true, horizon{answered: true, far: far}, nil
	}
	if len(hidden) == 0 {
		return false, horizon{answered: true}, nil
	}
	beneath, _, err := r.descend(old, Hash{})
	if err != nil {
		return false, seen, err
	}
	seen.answered = true
	for _, hash := range hidden {
		_, below := beneath[hash]
		seen.answered = seen.answered && below
		seen.far = max(seen.far, steps[hash])
	}
	return false, seen, nil
}

// descend counts the steps from a commit to each one beneath it, until it comes to one that is looked for. Those
// that are not in the cache are hidden: nobody knows what is beneath them.
func (r *Repo) descend(from, until Hash) (steps map[Hash]int, hidden []Hash, err error) {
	steps = map[Hash]int{from: 0}
	for queue := []Hash{from}; len(queue) > 0; queue = queue[1:] {
		hash := queue[0]
		if hash == until {
			return steps, hidden, nil
		}
		commit, err := r.readHead(hash)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			hidden = append(hidden, hash)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, parent := range commit.parents {
			if _, known := steps[parent]; !known {
				steps[parent] = steps[hash] + 1
				queue = append(queue, parent)
			}
		}
		if len(steps) > maxAncestors {
			return nil, nil, errManyCommits
		}
	}
	return steps, hidden, nil
}

// deepenUntil looks for an answer, and fetches more of the history of tip (of ref) and of base until there is
// one or there is no more history; with the trees and files of the commits, or without where the server can
// leave them out.
func (r *Repo) deepenUntil(ctx context.Context, ref Ref, tip, base Hash, content bool, look func() (horizon, error)) error {
	defer r.past.forget()
	for next := 0; ; next++ {
		seen, err := look()
		switch {
		case errors.Is(err, errManyCommits):
			return r.fail("fetch", ErrTooLarge, err.Error(), nil)
		case err != nil:
			return r.damage("fetch", err)
		case seen.answered:
			return nil
		case next == len(deepenings):
			return r.known(tip)
		}
		depth := min(seen.far, wholeHistory-deepenings[next]) + deepenings[next]
		err = r.deepen(ctx, ref, base, depth, content)
		if errors.Is(err, errNotOurRef) && ctx.Err() == nil { // rewritten between the two requests that it takes
			err = r.deepen(ctx, ref, base, depth, content)
		}
		switch all := errors.Is(err, transport.ErrEmptyUploadPackRequest); {
		case all && seen.far > 0 && len(r.past.whole) == 0:
			return r.damage("fetch", errors.New("commits are missing"))
		case all:
			return r.known(tip)
		case err != nil:
			return r.explain(ctx, "fetch", err)
		}
	}
}

// known is nil for a commit that is in the cache.
func (r *Repo) known(tip Hash) error {
	_, err := r.readHead(tip)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return r.fail("fetch", ErrStale, fmt.Sprintf("%s is gone from it", tip), nil)
	}
	return err
}

// deepen fetches the history of a reference, and that of the reference at base, down to a depth.
func (r *Repo) deepen(ctx context.Context, ref Ref, base Hash, depth int, content bool) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // gives back what the library forgets to close
	session, err := r.conn.upload(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return err
	}
	now, err := r.find(ref, adv)
	if err != nil {
		return err
	}
	if !adv.Capabilities.Supports(capability.Shallow) {
		return nil // such a server has sent everything already
	}
	var wants []Hash
	for _, want := range []Hash{now.want, r.referenceAt(base, adv)} {
		if !want.IsZero() {
			wants = append(wants, want)
		}
	}
	if len(wants) == 0 {
		return r.fail("fetch", ErrStale, "it is gone", nil)
	}
	if !content && adv.Capabilities.Supports(capability.Filter) {
		return r.recall(ctx, session, adv, wants, depth)
	}
	req := r.request(adv)
	req.Wants, req.Depth = wants, packp.DepthCommits(depth)
	return r.exchange(ctx, session, req, maxPack)
}

// referenceAt is what the remote has now where a commit is the tip of a reference, or was at the last fetch;
// zero when there is none.
func (r *Repo) referenceAt(commit Hash, adv *packp.AdvRefs) Hash {
	was := Hash{}
	for name, now := range adv.References {
		if now == commit {
			return now
		}
		if r.refs[name] == commit {
			was = now
		}
	}
	return was
}
