// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/guard"
	"github.com/tidemark-io/tidemark/updater/internal/state"
	"github.com/tidemark-io/tidemark/updater/marker"
)

// maxHeld is how many held values a run and a status tell of.
const maxHeld = 50

// judge takes the edits back that the guard forbids, and notes them.
func (w *work) judge(ctx context.Context) *Error {
	question := guard.Question{
		Automation: w.key, Branch: w.run.GetBranch(), URL: w.run.GetUrl(), AllowDowngrade: w.spec.AllowDowngrade,
		Released: releasedAt(w.automation), Ancestry: ancestry{w},
	}
	for _, f := range w.edits.files {
		for _, change := range f.result.Changes {
			question.Edits = append(question.Edits, w.guardEdit(f.Path, change))
		}
	}
	if len(question.Edits) == 0 {
		return nil
	}
	histories, failure := w.readHistories(ctx)
	if failure != nil {
		return failure
	}
	question.History = histories
	held, err := w.Guard.Judge(ctx, question)
	if err != nil {
		return w.judgeFailure(err)
	}
	if len(held) == 0 {
		return nil
	}
	w.keep(held)
	w.noteHeld(len(question.Edits), held)
	return nil
}

func (w *work) judgeFailure(err error) *Error {
	var known *gitrepo.Error
	if errors.As(err, &known) {
		return w.gitFailure(err)
	}
	return storeFailure(err)
}

func (w *work) guardEdit(path string, c marker.Change) guard.Edit {
	p := w.selected[c.Name]
	return guard.Edit{
		Place: guard.Place{Path: path, Document: c.Document, Node: c.Path}, Line: c.Line, Ref: c.Ref, Old: c.Old, New: c.New,
		Policy: guard.Policy{Key: p.Key, Generation: p.Generation, Image: p.Image, Held: p.Held},
	}
}

// keep takes back the changes that are held.
func (w *work) keep(held map[int]*updaterv1.HeldValue) {
	first := 0 // the file's first edit
	for i := range w.edits.files {
		f := &w.edits.files[i]
		from := first
		first += len(f.result.Changes)
		kept, err := f.result.Without(func(index int) bool { return held[from+index] != nil })
		if err != nil {
			w.warn(problemSkipped, "%s was left alone: %v", f.Path, err)
			kept = marker.Result{}
		}
		f.result = kept
	}
	w.edits.files = slices.DeleteFunc(w.edits.files, func(f edited) bool { return len(f.result.Changes) == 0 })
}

// noteHeld tells of what is held: in the run, in its warnings, in the metrics.
func (w *work) noteHeld(edits int, held map[int]*updaterv1.HeldValue) {
	unsure, last := 0, ""
	for i := range edits {
		h := held[i]
		if h == nil {
			continue
		}
		h.Path, h.Node, h.Value, h.ProposedValue = bounded(h.GetPath()), bounded(h.GetNode()), bounded(h.GetValue()), bounded(h.GetProposedValue())
		h.Message = bounded(h.GetMessage())
		w.warn(heldKinds[h.GetReason()], "%s:%d: %s", h.GetPath(), h.GetLine(), h.GetMessage())
		if len(w.run.GetHeld()) < maxHeld {
			w.run.Held = append(w.run.Held, h)
		}
		if h.GetReason() == updaterv1.HoldReason_HOLD_REASON_NOT_COMPARED {
			unsure, last = unsure+1, h.GetMessage()
		}
	}
	if unsure > 0 {
		w.unsure = &Error{Kind: Failed, Reason: reasonWaiting, Sentence: fmt.Sprintf(
			"%d values wait, for the resolver did not say whether they would go back to an older tag: %s", unsure, last)}
	}
}

var heldKinds = map[updaterv1.HoldReason]string{
	updaterv1.HoldReason_HOLD_REASON_UNSPECIFIED:  "held",
	updaterv1.HoldReason_HOLD_REASON_DOWNGRADE:    "downgrade",
	updaterv1.HoldReason_HOLD_REASON_REVERTED:     "reverted",
	updaterv1.HoldReason_HOLD_REASON_NOT_COMPARED: "notCompared",
	updaterv1.HoldReason_HOLD_REASON_SIBLING:      "sibling",
}

func releasedAt(a *updaterv1.ImageUpdateAutomation) time.Time {
	if at := a.GetOverride().GetRevertRelease().GetTime(); at != nil {
		return at.AsTime()
	}
	return time.Time{}
}

// histories are what several automations have written.
type histories []guard.History

// Writes are those of all, the newest first.
func (h histories) Writes(p guard.Place) []guard.Write {
	if len(h) == 1 {
		return h[0].Writes(p)
	}
	var all []guard.Write
	for _, one := range h {
		all = append(all, one.Writes(p)...)
	}
	slices.SortStableFunc(all, func(a, b guard.Write) int { return b.Ended.Compare(a.Ended) })
	return all
}

// Refused is the first answer of anybody.
func (h histories) Refused(p guard.Place) (int64, bool) {
	for _, one := range h {
		if generation, ok := one.Refused(p); ok {
			return generation, true
		}
	}
	return 0, false
}

// readHistories reads what this automation wrote, and what those did that may write the same files.
func (w *work) readHistories(ctx context.Context) (histories, *Error) {
	keys := []object.Key{w.key}
	for _, a := range w.Automations.All() {
		key := object.KeyOfMeta(a.GetMetadata())
		if key == w.key || key.Namespace != w.key.Namespace || !overlap(w.spec.Path, a.GetSpec().GetUpdate().GetPath()) {
			continue
		}
		if source, found := w.Repositories.Cached(state.SourceOf(a)); found && source.GetSpec().GetUrl() == w.source.GetSpec().GetUrl() {
			keys = append(keys, key)
		}
	}
	all := make(histories, 0, len(keys))
	for _, key := range keys {
		if w.read[key] == nil {
			one, err := w.Records.History(ctx, key)
			if err != nil {
				return nil, storeFailure(err)
			}
			w.read[key] = one
		}
		all = append(all, w.read[key])
	}
	return all, nil
}

// overlap says whether two folders or files of update.path may have files in common.
func overlap(a, b string) bool {
	a, b = strings.Trim(strings.TrimPrefix(a, "./"), "/."), strings.Trim(strings.TrimPrefix(b, "./"), "/.")
	return a == "" || b == "" || a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

// ancestry asks the remote's history about recorded commits. The guard asks about each once.
type ancestry struct{ work *work }

// Contains says whether a commit is in the history of what is edited.
func (a ancestry) Contains(ctx context.Context, commit string) (bool, error) {
	w := a.work
	timed, cancel := w.remotely(ctx)
	defer cancel()
	return w.repo.Contains(timed, w.bases.ref(w.checkout), w.bases.base, plumbing.NewHash(commit))
}

// RewoundPast says whether the push branch is there, and at or behind what the write was built on.
func (a ancestry) RewoundPast(ctx context.Context, write guard.Write) (bool, error) {
	w := a.work
	if w.bases.old.IsZero() || w.bases.base != w.bases.old {
		return false, nil
	}
	if write.Base == w.bases.old.String() {
		return true, nil
	}
	timed, cancel := w.remotely(ctx)
	defer cancel()
	behind, err := w.repo.Contains(timed, gitrepo.Ref{Branch: w.bases.branch}, plumbing.NewHash(write.Base), w.bases.old)
	if errors.Is(err, gitrepo.ErrStale) { // nobody has that commit any longer, so nobody can say
		return false, nil
	}
	return behind, err
}
