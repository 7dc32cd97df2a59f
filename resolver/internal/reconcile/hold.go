// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

var (
	// ErrNoSuchTag says that the repository does not have the tag that is to be held.
	ErrNoSuchTag = errors.New("no such tag")
	// ErrNoAnswer says that there is no answer yet that could be held.
	ErrNoAnswer = errors.New("the policy has no answer yet")
	// errHeldGone says that the registry has the held tag no more. The answer stays.
	errHeldGone = errors.New("the held tag is gone")
)

// Hold is what Reconciler.Hold is asked for.
type Hold struct {
	// Tag; empty: that of the answer as it is.
	Tag           string
	Actor, Reason string
	// Until; nil: until it is released.
	Until *timestamppb.Timestamp
}

// Hold pins the policy's answer, and returns the policy when the hold has taken effect, or with the condition that tells
// why it has not yet. Errors: object.ErrNotFound, ErrSuspended, ErrNoSuchTag, ErrNoAnswer, those of package follow.
func (r *Reconciler) Hold(ctx context.Context, key object.Key, h Hold) (*resolverv1.ImagePolicy, error) {
	return r.override(ctx, key, func(policy *resolverv1.ImagePolicy) (*metav1.Hold, error) {
		if state.Suspended(policy) {
			return nil, ErrSuspended
		}
		tag := h.Tag
		if tag == "" {
			if tag = policy.GetStatus().GetLatestRef().GetTag(); tag == "" {
				return nil, ErrNoAnswer
			}
		} else if err := r.checkThere(ctx, policy, tag); err != nil {
			return nil, err
		}
		return &metav1.Hold{Tag: tag, Actor: h.Actor, Reason: h.Reason, Time: timestamppb.Now(), Until: h.Until}, nil
	})
}

// Release takes a hold back. Errors: object.ErrNotFound.
func (r *Reconciler) Release(ctx context.Context, key object.Key) (*resolverv1.ImagePolicy, error) {
	return r.override(ctx, key, func(*resolverv1.ImagePolicy) (*metav1.Hold, error) { return nil, nil })
}

// override stores the hold that decide returns, and evaluates.
func (r *Reconciler) override(
	ctx context.Context, key object.Key, decide func(*resolverv1.ImagePolicy) (*metav1.Hold, error),
) (*resolverv1.ImagePolicy, error) {
	select {
	case <-r.started:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if _, err := r.policies.Get(ctx, key); err != nil {
		return nil, fmt.Errorf("changing a hold: %w", err)
	}
	w := r.workOf(key)
	if err := w.lock(ctx); err != nil {
		return nil, err
	}
	defer w.unlock()
	policy, err := r.policies.Get(ctx, key) // it may have changed while we waited
	if err != nil {
		return nil, fmt.Errorf("changing a hold: %w", err)
	}
	hold, err := decide(policy)
	if err != nil {
		return nil, err
	}
	policy, err = r.policies.ChangeOverride(ctx, key, policy.GetMetadata().GetUid(), func(o *metav1.Override) (*metav1.Override, error) {
		if o.GetHold() == nil && hold == nil {
			return nil, object.ErrUnchanged
		}
		o.Hold = hold
		return o, nil
	})
	if err != nil {
		return nil, fmt.Errorf("changing a hold: %w", err)
	}
	if hold != nil {
		r.logger.InfoContext(ctx, "a policy is held", "policy", key.String(), "tag", hold.GetTag(), "actor", hold.GetActor(), "reason", hold.GetReason())
	}
	return r.settle(ctx, w, policy)
}

// settle evaluates after a hold has changed. That there is no answer is told by the policy's condition: the hold is stored.
func (r *Reconciler) settle(ctx context.Context, w *work, policy *resolverv1.ImagePolicy) (*resolverv1.ImagePolicy, error) {
	if state.Suspended(policy) {
		return policy, nil
	}
	evaluated, err := r.evaluate(ctx, w, policy, true)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if evaluated == nil {
		return nil, err
	}
	if r.owner.Owns(state.RepositoryOf(policy).String()) {
		r.plan(ctx, w, evaluated, err)
	} else {
		w.letGo()
	}
	return evaluated, nil
}

// checkThere asks the scanner's tags for the tag.
func (r *Reconciler) checkThere(ctx context.Context, policy *resolverv1.ImagePolicy, tag string) error {
	repository := state.RepositoryOf(policy)
	tags, err := r.source.Refresh(ctx, repository, object.KeyOfMeta(policy.GetMetadata()).Namespace)
	if err != nil {
		return err
	}
	if _, snapshot := tags.Current(); !snapshot.Has(tag) {
		return fmt.Errorf("%w: ImageRepository '%s' has no tag '%s'", ErrNoSuchTag, repository, tag)
	}
	return nil
}

// chooseHeld makes the held tag the chosen one.
func (a *answer) chooseHeld(tags *follow.Tags) error {
	head, snapshot := tags.Current()
	a.head = head
	if !snapshot.Has(a.held.GetTag()) {
		return fmt.Errorf("%w: the registry has no tag '%s' any more (%s); the answer stays: hold another tag, or release the policy",
			errHeldGone, a.held.GetTag(), heldBy(a.held))
	}
	a.chosen.Tag = a.held.GetTag()
	return nil
}

// forgetOver takes a hold back whose time is over.
func (r *Reconciler) forgetOver(ctx context.Context, policy *resolverv1.ImagePolicy) {
	hold := policy.GetOverride().GetHold()
	if hold == nil || !state.Over(hold, time.Now()) {
		return
	}
	key := object.KeyOfMeta(policy.GetMetadata())
	_, err := r.policies.ChangeOverride(ctx, key, policy.GetMetadata().GetUid(), func(o *metav1.Override) (*metav1.Override, error) {
		if !proto.Equal(o.GetHold(), hold) {
			return nil, object.ErrUnchanged
		}
		o.Hold = nil
		return o, nil
	})
	switch {
	case err == nil:
		r.logger.InfoContext(ctx, "a hold is over", "policy", key.String(), "tag", hold.GetTag(), "actor", hold.GetActor())
	case ctx.Err() == nil && !errors.Is(err, object.ErrNotFound):
		r.logger.WarnContext(ctx, "a hold that is over was not taken back; it holds nothing", "policy", key.String(), "error", err)
	}
}

// heldBy words who holds a tag, until when, and why.
func heldBy(hold *metav1.Hold) string {
	sentence := "held by " + hold.GetActor()
	if hold.GetUntil() != nil {
		sentence += " until " + hold.GetUntil().AsTime().UTC().Format(time.RFC3339)
	}
	return sentence + ": " + hold.GetReason()
}

// holdBasis tells holds apart.
func holdBasis(hold *metav1.Hold) string {
	if hold == nil {
		return ""
	}
	return fmt.Sprintf("%q %v %v %q %q", hold.GetTag(), hold.GetTime().AsTime().UnixNano(), until(hold), hold.GetActor(), hold.GetReason())
}

// until is when the hold ends by itself; the zero time: never.
func until(hold *metav1.Hold) time.Time {
	if hold.GetUntil() == nil {
		return time.Time{}
	}
	return hold.GetUntil().AsTime()
}
