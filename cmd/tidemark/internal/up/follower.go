// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"context"
	"log/slog"
	"time"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

const (
	// lookEvery is how often the folder is looked at; a look at an unchanged folder reads names, sizes and times only.
	lookEvery = 500 * time.Millisecond
	// retryAfter is how long to wait with objects that a service did not take.
	retryAfter = 2 * time.Second
)

// follower keeps what is stored as a folder of manifests says: what is in the folder is applied, what the folder brought
// and no longer has is deleted, what others applied is left alone.
type follower struct {
	path    string
	codec   *manifest.Codec
	applier Applier
	log     *slog.Logger
	accept  func(*manifest.Set) // takes secrets and namespaces before the objects that need them are applied
}

// run follows the folder until the context ends.
func (f *follower) run(ctx context.Context) error {
	sets := make(chan *manifest.Set, 1)
	following := make(chan error, 1)
	go func() {
		following <- f.codec.Follow(ctx, f.path, lookEvery, manifest.Options{Secrets: true, Namespaces: true}, func(set *manifest.Set) {
			select {
			case <-sets: // never taken: this one is newer
			default:
			}
			sets <- set
		})
	}()
	var current *manifest.Set
	var retry <-chan time.Time
	for {
		select {
		case err := <-following:
			return err
		case current = <-sets:
			f.report(current)
			f.accept(current)
		case <-retry:
		}
		retry = nil
		if !f.reconcile(ctx, current) {
			retry = time.After(retryAfter)
		}
	}
}

// report tells of everything that was not taken, once for each change of the folder.
func (f *follower) report(set *manifest.Set) {
	for _, e := range set.Errors {
		f.log.Error("a manifest is not taken; the rest is", "error", e.Error())
	}
	for _, w := range set.Warnings {
		f.log.Warn("a manifest has parts without effect", "warning", w.String())
	}
	f.log.Info("manifests read", "path", f.path, "objects", len(set.Objects), "errors", len(set.Errors))
}

// reconcile applies and deletes; false: try again.
func (f *follower) reconcile(ctx context.Context, set *manifest.Set) bool {
	done := true
	for _, object := range set.Objects {
		done = f.apply(ctx, object) && done
	}
	for _, kind := range kinds.All() {
		if err := f.prune(ctx, kind, set); err != nil {
			f.log.Warn("deleting what the manifests no longer have is tried again", "kind", kind.Noun, "error", rpcerr.Sentence(err))
			done = false
		}
	}
	return done
}

// apply sends one object. One that is refused stays refused until its manifest changes.
func (f *follower) apply(ctx context.Context, o *manifest.Object) bool {
	_, outcome, err := f.applier.Apply(ctx, o)
	switch {
	case err == nil && outcome == metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED:
		return true
	case err == nil:
		f.log.Info("manifest applied", "object", o.String(), "file", o.File, "line", o.Line)
		return true
	case rpcerr.Reason(err) == metav1.ErrorReason_ERROR_REASON_INVALID_FIELD:
		for _, refusal := range kinds.Refusal(o, err) {
			f.log.Error("a manifest is not taken; the rest is", "error", refusal.Error())
		}
		return true
	}
	f.log.Warn("applying a manifest is tried again", "object", o.String(), "error", rpcerr.Sentence(err))
	return false
}

// prune deletes the objects of one kind that the folder brought and no longer has.
func (f *follower) prune(ctx context.Context, kind kinds.Kind, set *manifest.Set) error {
	return f.applier.Prune(ctx, kind, set, func(object kinds.Object) {
		meta := object.GetMetadata()
		f.log.Info("object deleted: the manifests no longer have it", "object", kind.Noun+"/"+meta.GetNamespace()+"/"+meta.GetName())
	})
}
