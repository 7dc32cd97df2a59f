// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"errors"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// maxAncestors bounds how many commits are looked at for one question.
const maxAncestors = 1_000_000

// deepenings are the depths at which the history is fetched when the answer lies beyond what the cache has.
// The last is Git's word for all of it.
var deepenings = []int{50, 1000, 0x7fffffff}

// RemoteHas asks the remote, now, whether the commit is the tip of ref or among its ancestors. A reference
// that does not exist has nothing. It is the question after a push whose outcome is not known. Errors are
// those of Fetch.
func (r *Repo) RemoteHas(ctx context.Context, ref Ref, commit Hash) (bool, error) {
	tip, err := r.Fetch(ctx, ref)
	if errors.Is(err, ErrBranchNotFound) || errors.Is(err, ErrRefNotFound) || errors.Is(err, ErrEmptyRepository) {
		return false, nil
	}
	if err != nil || tip.Hash.IsZero() || tip.Hash == commit {
		return err == nil && tip.Hash == commit && !commit.IsZero(), err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, depth := range deepenings {
		found, whole, err := r.ancestor(tip.Hash, commit)
		if err != nil {
			return false, r.damage("fetch", err)
		}
		if found || whole {
			return found, nil
		}
		if err := r.deepen(ctx, ref, tip, depth); err != nil {
			return false, r.explain(ctx, "fetch", err)
		}
	}
	found, _, err := r.ancestor(tip.Hash, commit)
	if err != nil {
		return false, r.damage("fetch", err)
	}
	return found, nil
}

// ancestor tells whether old is from or one of its ancestors in the cache, and if not, whether the whole
// history was seen: false when it goes on beyond the cache's boundary.
func (r *Repo) ancestor(from, old Hash) (found, whole bool, err error) {
	whole = true
	seen := map[Hash]bool{from: true}
	for queue := []Hash{from}; len(queue) > 0; {
		hash := queue[0]
		queue = queue[1:]
		if hash == old {
			return true, true, nil
		}
		_, parents, err := r.readCommit(hash)
		if errors.Is(err, plumbing.ErrObjectNotFound) && hash != from {
			whole = false
			continue
		}
		if err != nil {
			return false, false, err
		}
		if slices.Contains(r.shallow, hash) {
			// The parents may be here all the same, by way of another reference.
			whole = whole && len(parents) == 0
		}
		for _, parent := range parents {
			if !seen[parent] && len(seen) < maxAncestors {
				seen[parent] = true
				queue = append(queue, parent)
			}
		}
	}
	return false, whole, nil
}

// deepen fetches the history of a tip down to a depth.
func (r *Repo) deepen(ctx context.Context, ref Ref, tip Tip, depth int) (err error) {
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
	req := r.request(adv)
	req.Wants = []Hash{tip.Hash}
	if now.Hash == tip.Hash {
		req.Wants = []Hash{now.want}
	}
	req.Depth = packp.DepthCommits(depth)
	return r.exchange(ctx, session, req, maxPack)
}
