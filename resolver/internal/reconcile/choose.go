// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"time"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

// recheckEvery is how often a policy that asks the registry about its tag does so though nothing has changed: the scanner
// forgets to follow a digest that nobody has asked for in a day.
const recheckEvery = 12 * time.Hour

// choose finds the best tag that has what the policy requires.
func (r *Reconciler) choose(
	ctx context.Context, w *work, p *resolverv1.ImagePolicy, a *answer, tags *follow.Tags, now bool,
) error {
	required := spec.Requirements(p.GetSpec())
	if required.MinimumAge > 0 && w.memory == nil {
		memory, err := r.sights.Load(ctx, object.KeyOfMeta(p.GetMetadata()))
		if err != nil {
			return err
		}
		w.memory = memory
	}
	head, snapshot := tags.Current()
	a.head = head
	due := w.nextDigest(p)
	outcome, err := r.selector.Select(ctx, selection.Request{
		Snapshot: snapshot, Policy: w.compiled, Requirements: required, Memory: w.memory, Now: time.Now(),
		Fresh: now || !due.IsZero() && !time.Now().Before(due),
		Subject: facts.Subject{
			Repository: state.RepositoryOf(p), UID: head.GetUid(), Namespace: object.KeyOfMeta(p.GetMetadata()).Namespace,
			Revision: head.GetRevision(), MovedAt: tags.MovedAt,
		},
	})
	a.chosen, a.warnings = outcome, warningsOf(p, outcome.Result)
	w.wake = outcome.Next
	if required.Any() {
		if recheck := time.Now().Add(recheckEvery); w.wake.IsZero() || recheck.Before(w.wake) {
			w.wake = recheck
		}
	}
	if w.memory != nil && w.memory.Settle() {
		if failed := r.sights.Store(ctx, object.KeyOfMeta(p.GetMetadata()), w.memory); failed != nil {
			w.memory = nil // what is not stored is not known
			return failed
		}
	}
	return err //nolint:wrapcheck // its kinds are told apart by whoever words the condition
}
