// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// plan is what a run works with: the objects as they were when it began.
type plan struct {
	automation *updaterv1.ImageUpdateAutomation
	key        object.Key
	spec       spec.Automation
	source     *updaterv1.GitRepository
	repo       *gitrepo.Repo
	checkout   gitrepo.Ref
}

// prepare reads the spec and the source.
func (w *work) prepare(ctx context.Context) *Error {
	parsed, violations := spec.ParseAutomation(w.automation)
	if len(violations) > 0 {
		return invalidSpec(violations)
	}
	w.spec = parsed
	if w.NoCrossNamespaceRefs && parsed.Source.Namespace != w.key.Namespace {
		return &Error{Kind: Denied, Reason: "AccessDenied", Sentence: fmt.Sprintf(
			"GitRepository '%s' is in another namespace, which --no-cross-namespace-refs forbids; use one of namespace '%s'",
			parsed.Source, w.key.Namespace)}
	}
	source, err := w.Repositories.Get(ctx, parsed.Source)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return notReady("referenced GitRepository '%s' does not exist; create it, or correct spec.sourceRef", parsed.Source)
	case err != nil:
		return storeFailure(err)
	case state.RepositorySuspended(source):
		return notReady("referenced GitRepository '%s' is suspended; resume it", parsed.Source)
	}
	if violations := spec.CheckRepository(source); len(violations) > 0 {
		return notReady("referenced GitRepository '%s' is invalid: spec.%s", parsed.Source, violations[0])
	}
	w.source, w.checkout = source, spec.RefOf(source.GetSpec().GetRef())
	if parsed.Checkout != nil {
		w.checkout = *parsed.Checkout
	}
	return nil
}

// remotely gives an operation on the remote the time that the source allows.
func (w *work) remotely(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, spec.TimeoutOf(w.source))
}

// bases are what a run builds on.
type bases struct {
	// checkout is what the checkout stands for.
	checkout gitrepo.Tip
	// branch is pushed to.
	branch string
	// base is the commit to build on, and old what the branch is at: zero where it is yet to be created.
	base, old gitrepo.Hash
}

// revision is where the branch, or what it will be created from, is.
func (b bases) revision() string {
	if b.old.IsZero() {
		return b.checkout.Revision()
	}
	return gitrepo.Tip{Hash: b.old, Branch: b.branch}.Revision()
}

func (w *work) fetch(ctx context.Context) (b bases, failure *Error) {
	ctx, span := w.Tracer.Start(ctx, "fetch")
	defer span.End()
	ctx, cancel := w.remotely(ctx)
	defer cancel()
	refs := []gitrepo.Ref{w.checkout}
	if w.spec.PushBranch != "" {
		refs = append(refs, gitrepo.Ref{Branch: w.spec.PushBranch, Optional: true})
	}
	began := time.Now()
	tips, err := w.repo.FetchAll(ctx, refs...)
	if err != nil {
		span.RecordError(err)
		if w.spec.Checkout == nil {
			w.Sources.Failed(ctx, w.source, err)
		}
		return b, w.gitFailure(err)
	}
	b = bases{checkout: tips[0], branch: tips[0].Branch, base: tips[0].Hash, old: tips[0].Hash}
	if w.spec.Checkout == nil {
		w.Sources.Saw(ctx, w.source, b.checkout, began)
	}
	if w.spec.PushBranch != "" && w.spec.PushBranch != b.branch {
		b.branch, b.old = w.spec.PushBranch, tips[1].Hash
		if !b.old.IsZero() {
			b.base = b.old
		}
	}
	if b.branch == "" {
		return b, &Error{Kind: Invalid, Reason: "InvalidSourceConfiguration", Sentence: fmt.Sprintf(
			"what is checked out is no branch (%s), so there is nothing to push back to; set spec.git.push.branch", b.checkout.Revision())}
	}
	w.step(fmt.Sprintf("fetched %s at %s", b.name(), short(b.base)))
	return b, nil
}

// name is what was fetched, for people.
func (b bases) name() string {
	switch {
	case !b.old.IsZero():
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
