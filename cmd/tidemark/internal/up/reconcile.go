// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// pruneMarks keep an object when its manifest is gone: annotations or labels with the value `disabled`.
var pruneMarks = []string{"tidemark.io/prune", "kustomize.toolkit.fluxcd.io/prune"}

// stored is what there is of a kind.
type stored struct {
	kind    kinds.Kind
	objects []kinds.Object
	byID    map[id]kinds.Object
}

// reconcile applies and then deletes; false: try again.
func (f *follower) reconcile(ctx context.Context, set *manifest.Set) bool {
	done := true
	counts := tally{mistakes: len(set.Errors)}
	var all []stored
	for _, kind := range kinds.All() {
		s, err := f.list(ctx, kind)
		if err != nil {
			f.later(ctx, "listing what is stored is tried again", kind.Noun, err)
			done = false
			continue
		}
		all = append(all, s)
		for _, o := range set.Objects {
			if o.Kind == kind.Noun {
				done = f.settle(ctx, s, o, &counts) && done
			}
		}
	}
	// What refers to others goes first.
	slices.Reverse(all)
	if len(set.Objects) > 0 || f.allowEmpty {
		for _, s := range all {
			done = f.prune(ctx, s, set, &counts) && done
		}
	} else {
		f.refuseEmpty(all, set, &counts)
	}
	f.state.reconciled(counts)
	return done
}

func (f *follower) list(ctx context.Context, kind kinds.Kind) (stored, error) {
	objects, err := kind.List(ctx, f.applier.Conn, kinds.Filter{})
	if err != nil {
		return stored{}, err
	}
	s := stored{kind: kind, objects: objects, byID: make(map[id]kinds.Object, len(objects))}
	for _, o := range objects {
		s.byID[idOf(kind, o)] = o
	}
	return s, nil
}

func idOf(kind kinds.Kind, o kinds.Object) id {
	return id{kind.Noun, o.GetMetadata().GetNamespace(), o.GetMetadata().GetName()}
}

// settle makes one object as its manifest says. One that is refused stays refused until its manifest changes.
func (f *follower) settle(ctx context.Context, s stored, o *manifest.Object, counts *tally) bool {
	name := id{o.Kind, o.Namespace, o.Name}
	was := s.byID[name]
	outcome, err := f.applier.Settle(ctx, s.kind, o, was)
	switch {
	case err == nil:
		counts.applied++
		if outcome != metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED {
			f.tell(name, o, was)
		}
		f.applied[name] = true
		delete(f.said, name.String())
		return true
	case errors.Is(err, errElsewhere):
		counts.elsewhere++
		if f.say(name.String(), err.Error()) {
			f.log.Error("an object is left to the other source of manifests that has it: take it out of one of the two",
				"object", name.String(), "file", o.File, "line", o.Line, "theirs", was.GetMetadata().GetManagedBy(), "ours", f.applier.Manager)
		}
		return true
	case rpcerr.Reason(err) == metav1.ErrorReason_ERROR_REASON_INVALID_FIELD:
		counts.refused++
		if f.say(name.String(), err.Error()) {
			for _, refusal := range kinds.Refusal(o, err) {
				f.log.Error("a manifest is not taken; the rest is", "error", refusal.Error())
			}
		}
		return true
	}
	counts.failing++
	f.later(ctx, "applying a manifest is tried again", name.String(), err)
	return false
}

// tell says what became of an object, and of whose word that is the end.
func (f *follower) tell(name id, o *manifest.Object, was kinds.Object) {
	by := managerOf(was)
	attrs := []any{"object", name.String(), "file", o.File, "line", o.Line}
	switch {
	case was == nil && f.applied[name]:
		f.log.Warn("an object that was deleted by hand is back: take it out of the manifests", attrs...)
	case was == nil || by == f.applier.Manager:
		f.log.Info("manifest applied", attrs...)
	case f.applied[name]:
		f.log.Warn("a change by hand is undone: change the manifest", append(attrs, "by", by)...)
	default:
		f.log.Info("manifest applied; the object is the manifests' from now on", append(attrs, "was_managed_by", by)...)
	}
}

// managerOf is who managed an object; empty: there was none.
func managerOf(was kinds.Object) string {
	if was == nil {
		return ""
	}
	return was.GetMetadata().GetManagedBy()
}

// prune deletes the objects of one kind that the source brought and no longer has.
func (f *follower) prune(ctx context.Context, s stored, set *manifest.Set, counts *tally) bool {
	done := true
	for _, object := range f.applier.Obsolete(s.kind, s.objects, set) {
		name := idOf(s.kind, object)
		if mark := keeps(object); mark != "" {
			counts.kept++
			if f.say(name.String(), mark) {
				f.log.Info("the manifests no longer have an object; it stays as it says so itself", "object", name.String(), "mark", mark)
			}
			continue
		}
		gone, err := f.applier.Delete(ctx, s.kind, object)
		if err != nil {
			f.later(ctx, "deleting what the manifests no longer have is tried again", name.String(), err)
			done = false
		}
		if gone {
			delete(f.applied, name)
			f.log.Info("object deleted: the manifests no longer have it", "object", name.String())
		}
	}
	return done
}

// refuseEmpty deletes nothing: manifests that are all gone at once are a mistake more often than not.
func (f *follower) refuseEmpty(all []stored, set *manifest.Set, counts *tally) {
	stay := 0
	for _, s := range all {
		stay += len(f.applier.Obsolete(s.kind, s.objects, set))
	}
	counts.kept += stay
	if stay > 0 && f.say("empty", "empty") {
		f.log.Error("the manifests have no object at all, and what they brought stays; if all of it is to be deleted, start with --manifests-allow-empty",
			"manifests", f.applier.Manager, "objects", stay)
	}
}

// keeps is the mark that keeps an object without a manifest; empty: it has none.
func keeps(o kinds.Object) string {
	for _, mark := range pruneMarks {
		for _, marks := range []map[string]string{o.GetMetadata().GetAnnotations(), o.GetMetadata().GetLabels()} {
			if strings.EqualFold(marks[mark], "disabled") {
				return mark
			}
		}
	}
	return ""
}

// later tells of what is tried again, once for each reason, and not at the end.
func (f *follower) later(ctx context.Context, what, object string, err error) {
	if sentence := rpcerr.Sentence(err); ctx.Err() == nil && f.say(object, sentence) {
		f.log.Warn(what, "object", object, "error", sentence)
	}
}
