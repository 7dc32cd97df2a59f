// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

const (
	// maxHaves bounds how many commits are named as known.
	maxHaves = 64
	// maxIncrement is when a later fetch is given up for a new one at depth 1, in bytes: a branch that was
	// rewritten from before our boundary would bring its whole history.
	maxIncrement = 64 << 20
)

var errIncrementTooLarge = errors.New("more than the whole is worth")

// Fetch brings the commit that ref stands for, with its tree, into the cache, and tells which it is. Nothing
// is downloaded when it is there already. A damaged cache is rebuilt on the way.
//
// Errors: ErrUnreachable, ErrServer (retry later), ErrHostKey, ErrAuthentication, ErrForbidden,
// ErrRepositoryNotFound, ErrEmptyRepository, ErrBranchNotFound, ErrRefNotFound, ErrRef, ErrProtocol,
// ErrTooLarge; with the context's error beside them when it ended the fetch.
func (r *Repo) Fetch(ctx context.Context, ref Ref) (Tip, error) {
	tips, err := r.FetchAll(ctx, ref)
	if err != nil {
		return Tip{}, err
	}
	return tips[0], nil
}

// FetchAll is Fetch for several references in one exchange; the tips are in the order asked for. One that
// does not exist fails all, unless it is Optional.
func (r *Repo) FetchAll(ctx context.Context, refs ...Ref) ([]Tip, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fetchAll(ctx, refs...)
}

func (r *Repo) fetchAll(ctx context.Context, refs ...Ref) ([]Tip, error) {
	if r.lock == nil {
		return nil, fmt.Errorf("fetch %s: %w", r.URL(), os.ErrClosed)
	}
	if err := r.reclaim(); err != nil {
		return nil, err
	}
	if err := r.tend(); err != nil {
		return nil, err
	}
	r.objects.blobs.clear()
	// Over HTTP the references are read by one request and the objects by another: a reference that was
	// rewritten in between is refused as "not our ref". And a cache that cannot take the pack is rebuilt.
	for attempt := 0; ; attempt++ {
		tips, err := r.fetch(ctx, refs)
		// The third: all that is missing was said to be here.
		rebuild := errors.Is(err, ErrCacheDamaged) || errors.Is(err, errIncrementTooLarge) || errors.Is(err, transport.ErrEmptyUploadPackRequest)
		if attempt == 2 && errors.Is(err, ErrCacheDamaged) { // and rebuilt twice
			err = r.fail("fetch", ErrProtocol, "the server does not send what it says that it has: "+err.Error(), nil)
		}
		if err == nil || attempt == 2 || ctx.Err() != nil || (!rebuild && !errors.Is(err, errNotOurRef)) {
			return tips, r.explain(ctx, "fetch", err)
		}
		if rebuild {
			err = r.wipe()
		} else {
			err = r.unearth(ctx, refs)
		}
		if err != nil {
			return nil, err
		}
	}
}

// unearth brings commits that were asked for by their id, and that the server hands out by no id, out of the
// history of the branch that is named beside them.
func (r *Repo) unearth(ctx context.Context, refs []Ref) error {
	for _, ref := range refs {
		hash := plumbing.NewHash(ref.Commit)
		if ref.Commit == "" || r.complete(hash) == nil {
			continue
		}
		branch := Ref{Branch: ref.Branch}
		tips, err := r.fetch(ctx, []Ref{branch})
		if err != nil {
			return r.explain(ctx, "fetch", err)
		}
		found := false
		err = r.deepenUntil(ctx, branch, tips[0].Hash, hash, true, func() (seen horizon, err error) {
			found, seen, err = r.ancestor(tips[0].Hash, hash)
			if found && r.complete(hash) != nil {
				seen.answered = false // a parent beyond the boundary
			}
			return seen, err
		})
		if err != nil {
			return err
		}
		if !found {
			return r.fail("fetch", ErrRefNotFound, fmt.Sprintf("there is no commit %s in %s; name the branch that has it", hash, tips[0].Name), nil)
		}
	}
	return nil
}

var errNotOurRef = errors.New("not our ref")

func (r *Repo) fetch(ctx context.Context, refs []Ref) (_ []Tip, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // gives back what the library forgets to close
	session, err := r.conn.upload(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, err
	}
	targets := make([]target, len(refs))
	var missing []target
	for i, ref := range refs {
		if targets[i], err = r.find(ref, adv); err != nil {
			return nil, err
		}
		switch err := r.complete(targets[i].Hash); {
		case targets[i].Hash.IsZero(), err == nil:
		case errors.Is(err, plumbing.ErrObjectNotFound):
			targets[i].Fetched = true
			missing = append(missing, targets[i])
		default:
			return nil, r.damage("fetch", err)
		}
	}
	if len(missing) > 0 {
		if err := r.download(ctx, session, adv, missing); err != nil {
			return nil, err
		}
	}
	return r.record(targets)
}

// record notes where the references are now.
func (r *Repo) record(targets []target) ([]Tip, error) {
	tips := make([]Tip, len(targets))
	changed := false
	for i, t := range targets {
		tips[i] = t.Tip
		switch known, found := r.refs[t.Name]; {
		case t.Name == "" || (found && known == t.Hash):
		case t.Hash.IsZero():
			delete(r.refs, t.Name)
			changed = changed || found
		default:
			r.refs[t.Name], changed = t.Hash, true
		}
	}
	if !changed {
		return tips, nil
	}
	if err := r.saveRefs(); err != nil {
		return nil, r.fail("fetch", ErrCache, err.Error(), nil)
	}
	return tips, nil
}

// download asks for what is missing: without a depth when all of it is new on references that were fetched
// before, so that only the difference comes; else at depth 1.
func (r *Repo) download(ctx context.Context, session transport.UploadPackSession, adv *packp.AdvRefs, missing []target) error {
	req := r.request(adv)
	limit := int64(maxIncrement)
	for _, t := range missing {
		req.Wants = append(req.Wants, t.want)
		if _, known := r.refs[t.Name]; !known {
			limit = maxPack
		}
	}
	if limit == maxPack && adv.Capabilities.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(1)
	}
	if err := r.exchange(ctx, session, req, limit); err != nil {
		return err
	}
	for _, t := range missing {
		if err := r.complete(t.Hash); err != nil {
			if errors.Is(err, plumbing.ErrObjectNotFound) && t.Name == "" {
				return r.fail("fetch", ErrRefNotFound, t.Hash.String()+" is no commit", nil)
			}
			return r.damage("fetch", err)
		}
	}
	return nil
}

// request is an upload-pack request with what the cache has.
func (r *Repo) request(adv *packp.AdvRefs) *packp.UploadPackRequest {
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	for _, c := range []capability.Capability{capability.NoProgress, capability.Shallow} {
		if adv.Capabilities.Supports(c) {
			_ = req.Capabilities.Set(c) // takes no argument: cannot fail
		}
	}
	if adv.Capabilities.Supports(capability.Shallow) {
		req.Shallows = slices.Clone(r.shallow)
	}
	for _, hash := range r.refs {
		if len(req.Haves) < maxHaves && !slices.Contains(req.Haves, hash) {
			req.Haves = append(req.Haves, hash)
		}
	}
	return req
}

// exchange sends a request and stores the answer. A boundary that the answer adds is recorded before its pack
// and one that it removes after it: a commit that is called a boundary and is none does no harm, but one that
// lacks its parents without saying so would make the server leave objects out.
func (r *Repo) exchange(ctx context.Context, session transport.UploadPackSession, req *packp.UploadPackRequest, limit int64) (err error) {
	response, err := session.UploadPack(ctx, req)
	if err != nil {
		return notOurRef(err)
	}
	defer func() { err = errors.Join(err, ignoreClosed(response.Close())) }()
	if err := r.saveShallow(response.Shallows, nil); err != nil {
		return r.fail("fetch", ErrCache, err.Error(), nil)
	}
	limits := limitsFor(limit, errAnswerTooLarge)
	if limit == maxIncrement {
		limits.tooMuch = errIncrementTooLarge
	}
	if err := r.receivePack(ctx, demuxed(req, response), limits); err != nil {
		return err
	}
	if err := r.saveShallow(nil, response.Unshallows); err != nil {
		return r.fail("fetch", ErrCache, err.Error(), nil)
	}
	return nil
}

func demuxed(req *packp.UploadPackRequest, from io.Reader) io.Reader {
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, from)
	case req.Capabilities.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, from)
	default:
		return from
	}
}

// damage marks the cache to be rebuilt by the next fetch.
func (r *Repo) damage(op string, err error) error {
	r.damaged = true
	return r.fail(op, ErrCacheDamaged, err.Error(), nil)
}
