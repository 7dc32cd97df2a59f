// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Bounds of a download of commits alone, in bytes.
const (
	maxPastPack     = 128 << 20
	maxPastInflated = 256 << 20 // held in memory while it is read
	maxPastKept     = 200_000   // commits, about 150 bytes each
)

// past is history without content: commits that a server sent with no trees and files, where it can do that
// (a filter). They are kept apart from the cache, and in memory only, because the cache tells the server that
// it has all of what it has.
type past struct {
	heads map[Hash]commitHead
	whole map[Hash]bool // tips of which all of the history is there
}

// forget drops it all when it is too much to keep between two questions.
func (p *past) forget() {
	if len(p.heads) > maxPastKept {
		*p = past{}
	}
}

// recall fetches the history of some commits down to a depth, without trees and files.
// ErrEmptyUploadPackRequest: all of it is here.
func (r *Repo) recall(ctx context.Context, session transport.UploadPackSession, adv *packp.AdvRefs, wants []Hash, depth int) (err error) {
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	for _, c := range []capability.Capability{capability.NoProgress, capability.Shallow, capability.Filter} {
		if adv.Capabilities.Supports(c) {
			_ = req.Capabilities.Set(c) // takes no argument: cannot fail
		}
	}
	for _, want := range wants {
		if !r.past.whole[want] {
			req.Wants = append(req.Wants, want)
		}
	}
	if len(req.Wants) == 0 {
		return transport.ErrEmptyUploadPackRequest
	}
	req.Filter, req.Depth = packp.FilterTreeDepth(0), packp.DepthCommits(depth)
	response, err := session.UploadPack(ctx, req)
	if err != nil {
		return notOurRef(err)
	}
	defer func() { err = errors.Join(err, ignoreClosed(response.Close())) }()
	limits := limitsFor(maxPastPack, errPackTooLarge)
	limits.object, limits.inflated = maxCommitBytes, maxPastInflated
	if err := r.takePack(ctx, demuxed(req, response), limits, r.past.take); err != nil {
		return err
	}
	if len(response.Shallows) == 0 {
		if r.past.whole == nil {
			r.past.whole = map[Hash]bool{}
		}
		for _, want := range req.Wants {
			r.past.whole[want] = true
		}
	}
	return nil
}

// take reads the commits of a pack.
func (p *past) take(file *os.File) error {
	objects := memory.NewStorage()
	if err := packfile.UpdateObjectStorage(objects, file); err != nil && !errors.Is(err, packfile.ErrEmptyPackfile) {
		return errors.Join(errNoPack, err)
	}
	if p.heads == nil {
		p.heads = make(map[Hash]commitHead, len(objects.Commits))
	}
	for hash, object := range objects.Commits {
		head, err := headOf(object)
		if err != nil {
			return errors.Join(errNoPack, err)
		}
		p.heads[hash] = head
	}
	return nil
}

func headOf(object plumbing.EncodedObject) (head commitHead, err error) {
	reader, err := object.Reader()
	if err != nil {
		return head, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	content, err := io.ReadAll(reader)
	if err != nil {
		return head, err
	}
	return parseCommit(bytes.Clone(content))
}
