// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

// DigestError says that the selected tag's digest could not be read.
type DigestError struct {
	// Image is the selected image, `name:tag`.
	Image string
	err   error
}

// Error is a sentence for people.
func (e *DigestError) Error() string {
	return fmt.Sprintf("failed to read the digest of %s: %s", e.Image, e.err)
}

// Unwrap gives what the scanner said.
func (e *DigestError) Unwrap() error { return e.err }

// find looks for the answer. The error says why there is none; what was found before is in the answer.
func (r *Reconciler) find(ctx context.Context, w *work, p *resolverv1.ImagePolicy, a *answer, now bool) error {
	begun := time.Now()
	a.held, w.wake = state.Held(p, begun), time.Time{}
	compiled, err := w.compile(p)
	if err != nil && a.held == nil {
		w.letGo()
		return err
	}
	tags, err := r.look(ctx, p, now)
	if err != nil {
		if !errors.Is(err, follow.ErrPending) {
			w.letGo()
		}
		return err
	}
	if a.held != nil {
		return r.conclude(ctx, w, p, a, tags, now)
	}
	if err := w.acquire(ctx, tags, compiled); err != nil {
		return err
	}
	if err := r.choose(ctx, w, p, a, tags, now); err != nil {
		return err
	}
	return r.conclude(ctx, w, p, a, tags, now)
}

// conclude has the answer's tag: a.held's, or the chosen one.
func (r *Reconciler) conclude(
	ctx context.Context, w *work, p *resolverv1.ImagePolicy, a *answer, tags *follow.Tags, now bool,
) (err error) {
	begun := time.Now()
	if a.held != nil {
		if err := a.chooseHeld(tags); err != nil {
			return err
		}
	}
	a.ref = &resolverv1.ImageRef{Name: a.head.GetImage(), Tag: a.chosen.Tag}
	read := w.needsDigest(p, a.ref, now || tags.MovedAt(a.chosen.Tag) > w.digestOf)
	if read || !proto.Equal(a.ref, p.GetStatus().GetLatestRef()) {
		ctx = r.span(ctx, a, begun)
	}
	if !read {
		return nil
	}
	if a.chosen.Digest != "" { // the one that was held against the requirements, not one of a moment later
		a.ref.Digest, w.digestRead, w.digestOf = a.chosen.Digest, begun, a.head.GetRevision()
		return nil
	}
	if a.ref.Digest, err = r.source.Digest(ctx, state.RepositoryOf(p), a.ref.GetTag(), object.KeyOfMeta(p.GetMetadata()).Namespace); err != nil {
		return &DigestError{Image: a.ref.GetName() + ":" + a.ref.GetTag(), err: err}
	}
	w.digestRead, w.digestOf = begun, a.head.GetRevision()
	return nil
}

func (r *Reconciler) look(ctx context.Context, p *resolverv1.ImagePolicy, now bool) (*follow.Tags, error) {
	key := object.KeyOfMeta(p.GetMetadata())
	if now {
		return r.source.Refresh(ctx, state.RepositoryOf(p), key.Namespace)
	}
	return r.source.Look(key)
}

// needsDigest says whether the digest is to be read. Where it is not, it is taken over from the last answer. now: somebody
// waits for it, or it has moved.
func (w *work) needsDigest(p *resolverv1.ImagePolicy, ref *resolverv1.ImageRef, now bool) bool {
	mode := p.GetSpec().GetDigestReflectionPolicy()
	always := mode == resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_ALWAYS
	if !always && mode != resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_IF_NOT_PRESENT {
		return false
	}
	last := p.GetStatus().GetLatestRef()
	if last.GetDigest() == "" || last.GetName() != ref.GetName() || last.GetTag() != ref.GetTag() {
		return true
	}
	if always && (now || !time.Now().Before(w.nextDigest(p))) {
		return true
	}
	ref.Digest = last.GetDigest()
	return false
}

// nextDigest is when a digest is to be read again; the zero time: never.
func (w *work) nextDigest(p *resolverv1.ImagePolicy) time.Time {
	if p.GetSpec().GetDigestReflectionPolicy() != resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_ALWAYS {
		return time.Time{}
	}
	if w.digestRead.IsZero() { // nobody knows when it was read
		return time.Now()
	}
	return w.digestRead.Add(cmp.Or(p.GetSpec().GetInterval().AsDuration(), time.Hour))
}
