// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

// work is what is remembered of one policy beyond the store. All but seen and retired is for who holds busy.
type work struct {
	// busy holds an element while the policy is evaluated, so that a later evaluation sees later tags.
	busy chan struct{}

	mu      sync.Mutex // guards seen, and is held while it is acted on
	seen    basis
	retired atomic.Bool // the policy is deleted

	// compiled is the spec of generation, of the object with that uid.
	uid        string
	generation int64
	compiled   *policy.Policy
	invalid    error
	// tags are those whose order release lets go of; nil: none is held.
	tags    *follow.Tags
	ranking policy.RankingID
	release func()
	// digestRead is when the digest was read; zero: not since the start.
	digestRead time.Time
	// digestOf is the revision of the tags for which the digest was read: what moved by then is known.
	digestOf int64
	failures int
	// wake is when the next tag comes of age; zero: none waits.
	wake time.Time
	// memory is the digests seen; nil: not read from the store yet.
	memory *selection.Memory
}

// basis is what of a policy decides whether it is to be evaluated again.
type basis struct {
	uid              string
	generation       int64
	suspended, owned bool
	hold             string
}

func newWork() *work { return &work{busy: make(chan struct{}, 1)} }

// takes remembers the policy's basis, and says whether it is a new one. The caller holds mu.
func (w *work) takes(p *resolverv1.ImagePolicy, owned bool) bool {
	now := basis{
		uid: p.GetMetadata().GetUid(), generation: p.GetMetadata().GetGeneration(),
		suspended: state.Suspended(p), owned: owned, hold: holdBasis(p.GetOverride().GetHold()),
	}
	if w.seen == now {
		return false
	}
	w.seen = now
	return true
}

func (w *work) lock(ctx context.Context) error {
	select {
	case w.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *work) unlock() {
	<-w.busy
	if w.retired.Load() {
		w.letGoIfIdle()
	}
}

// retire lets go of everything, now or when the evaluation that is under way ends.
func (w *work) retire() {
	w.retired.Store(true)
	w.letGoIfIdle()
}

func (w *work) letGoIfIdle() {
	select {
	case w.busy <- struct{}{}:
		w.letGo()
		<-w.busy
	default: // who holds it lets go
	}
}

// compile returns the spec ready for use. The error is a *policy.FieldError.
func (w *work) compile(p *resolverv1.ImagePolicy) (*policy.Policy, error) {
	uid, generation := p.GetMetadata().GetUid(), p.GetMetadata().GetGeneration()
	if w.uid != uid || w.generation != generation {
		w.uid, w.generation, w.failures, w.digestRead = uid, generation, 0, time.Time{}
		w.wake, w.memory = time.Time{}, nil
		w.compiled, w.invalid = spec.Compile(p.GetSpec().GetPolicy(), p.GetSpec().GetFilterTags())
	}
	return w.compiled, w.invalid
}

// acquire keeps the policy's order of the tags from now on.
func (w *work) acquire(ctx context.Context, tags *follow.Tags, compiled *policy.Policy) error {
	if w.tags == tags && w.ranking == compiled.Ranking().ID() {
		return nil
	}
	release, err := tags.Acquire(ctx, compiled)
	if err != nil {
		return err
	}
	w.letGo()
	w.tags, w.ranking, w.release = tags, compiled.Ranking().ID(), release
	w.digestOf = 0
	return nil
}

func (w *work) letGo() {
	if w.release != nil {
		w.release()
	}
	w.tags, w.release = nil, nil
}

// disown makes the policy a new one when it becomes this replica's again.
func (w *work) disown() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.owned = false
}
