// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"fmt"
	"time"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// maxAhead is how many commits a push branch may have beyond its base and still be built anew.
const maxAhead = 500

// bases are what a run builds on.
type bases struct {
	// checkout is what the checkout stands for.
	checkout gitrepo.Tip
	// branch is pushed to.
	branch string
	// base is the commit to build on, and old what the branch is at: zero where it is yet to be created.
	base, old gitrepo.Hash
	// rebuilt says that base does not descend from old, and that all of old that is not in base is ours.
	rebuilt bool
}

// revision is where the branch, or what it will be created from, is.
func (b bases) revision() string {
	if b.old.IsZero() {
		return b.checkout.Revision()
	}
	return gitrepo.Tip{Hash: b.old, Branch: b.branch}.Revision()
}

// ref is the reference in whose history base is.
func (b bases) ref(checkout gitrepo.Ref) gitrepo.Ref {
	if b.base == b.old {
		return gitrepo.Ref{Branch: b.branch}
	}
	return checkout
}

// name is what was fetched, for people.
func (b bases) name() string {
	switch {
	case !b.old.IsZero() && b.base == b.old:
		return b.branch
	case b.checkout.Branch != "":
		return b.checkout.Branch
	case b.checkout.Name != "":
		return b.checkout.Name
	default:
		return "the commit"
	}
}

func short(hash gitrepo.Hash) string { return hash.String()[:7] }

// place says what the run builds on, from where the checkout and the push branch are on the remote.
func (b *batch) place(ctx context.Context, w *work, checkout gitrepo.Tip, push *gitrepo.Tip, began time.Time) *Error {
	w.bases = bases{checkout: checkout, branch: checkout.Branch, base: checkout.Hash, old: checkout.Hash}
	w.behind = ""
	if w.spec.Checkout == nil && !w.preview {
		w.Sources.Saw(ctx, w.source, checkout, began)
	}
	if push != nil && w.spec.PushBranch != checkout.Branch {
		w.bases.branch, w.bases.old = w.spec.PushBranch, push.Hash
		if failure := b.placeOnPushBranch(ctx, w); failure != nil {
			return failure
		}
	}
	if w.bases.branch == "" {
		return &Error{Kind: Invalid, Reason: "InvalidSourceConfiguration", Sentence: fmt.Sprintf(
			"what is checked out is no branch (%s), so there is nothing to push back to; set spec.git.push.branch", checkout.Revision())}
	}
	if second := w.spec.Second; second != nil && second.Branch != "" && second.Branch != w.bases.branch {
		return &Error{Kind: Invalid, Reason: reasonSpec, Sentence: fmt.Sprintf(
			"spec.%s: the source is branch '%s', and what is pushed is branch '%s'; say HEAD, or that branch",
			spec.FieldRefspec, second.Branch, w.bases.branch)}
	}
	w.step(fmt.Sprintf("fetched %s at %s", w.bases.name(), short(w.bases.base)))
	return nil
}

// placeOnPushBranch decides for a push branch that is not the checkout: it is created from the base, gone on with where the
// base has not moved or somebody else has committed there, and built anew on a base that has moved.
func (b *batch) placeOnPushBranch(ctx context.Context, w *work) *Error {
	branch, base := w.bases.old, w.bases.checkout.Hash
	if branch.IsZero() || branch == base {
		return nil
	}
	timed, cancel := w.remotely(ctx)
	defer cancel()
	on := gitrepo.Ref{Branch: w.bases.branch}
	descends, err := w.repo.Contains(timed, on, branch, base)
	if err != nil {
		return w.gitFailure(err)
	}
	if descends {
		w.bases.base = branch
		return nil
	}
	ahead, err := w.repo.Ahead(timed, on, branch, base, maxAhead)
	if err != nil {
		return w.gitFailure(err)
	}
	if len(ahead) == 0 {
		return nil // all of it is in the base: the branch moves on from there
	}
	ours, failure := b.allOurs(ctx, w, ahead)
	if failure != nil {
		return failure
	}
	if ours {
		w.bases.rebuilt = true
		return nil
	}
	w.bases.base = branch
	w.behind = fmt.Sprintf("branch '%s' is behind %s and has commits of others, so it is gone on with as it is; merge %s into it, or delete it",
		w.bases.branch, w.bases.checkout.Revision(), w.bases.checkout.Revision())
	return nil
}

// allOurs says whether all the commits are of recorded runs, whose automations then run as well: what they had committed
// is made again on the new base.
func (b *batch) allOurs(ctx context.Context, w *work, commits []gitrepo.Hash) (bool, *Error) {
	if len(commits) > maxAhead {
		return false, nil
	}
	authors, failure := w.authors(ctx, w.bases.branch)
	if failure != nil {
		return false, failure
	}
	for _, commit := range commits {
		key, known := authors[commit.String()]
		if !known || !b.has(ctx, w, key) {
			return false, nil
		}
	}
	return true, nil
}

// authors are the automations by the commits that they pushed to the branch.
func (w *work) authors(ctx context.Context, branch string) (map[string]object.Key, *Error) {
	authors := map[string]object.Key{}
	for _, a := range w.Automations.All() {
		key := object.KeyOfMeta(a.GetMetadata())
		source, found := w.Repositories.Cached(state.SourceOf(a))
		if key != w.key && (!found || source.GetSpec().GetUrl() != w.source.GetSpec().GetUrl()) {
			continue
		}
		commits, err := w.Records.Commits(ctx, key, branch)
		if err != nil {
			return nil, storeFailure(err)
		}
		for _, commit := range commits {
			authors[commit] = key
		}
	}
	return authors, nil
}

// has says whether an automation is in the batch; where it can be, it is taken in.
func (b *batch) has(ctx context.Context, asked *work, key object.Key) bool {
	for _, w := range b.works {
		if w.key == key {
			return w.failure == nil
		}
	}
	if asked.preview {
		return true // its changes would be made again, and are shown by its own preview
	}
	return b.join(ctx, asked, key)
}

// join takes an automation into the batch that nobody asked to run; false: it cannot run now.
func (b *batch) join(ctx context.Context, asked *work, key object.Key) bool {
	w := b.begin(ctx, Member{Key: key, Request: Request{Trigger: asked.request.Trigger}})
	w.read = asked.read
	var release func()
	if w.failure == nil {
		release = w.open(ctx)
	}
	if w.failure != nil || w.repo != b.repo {
		if release != nil {
			release()
		}
		w.span.End()
		return false
	}
	b.works, b.joined, b.releases = append(b.works, w), append(b.joined, w), append(b.releases, release)
	return true
}

// closeJoined writes the ends of the runs that joined, as Run does for those that were asked for.
func (b *batch) closeJoined(ctx context.Context) {
	for i, w := range b.joined {
		w.close(ctx)
		w.span.End()
		b.releases[i]()
	}
}
