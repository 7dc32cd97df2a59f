// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"slices"
	"strings"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// undone returns the write that wrote what the edit would write again, and that somebody has undone since. Not ok: there
// is none.
//
// The writes at a place are a chain, from value to value. The value that stands was replaced by one of them: what that one
// and those after it wrote is what was undone. A commit that never came into the history of the branch, for example of a
// push branch that was built anew, was not undone by anybody, and one that the branch was rewound past before a later one of
// ours came into it is a closed chapter.
func (j *judgement) undone(ctx context.Context, e Edit) (undone Write, ok bool, err error) {
	writes := j.writes(e.Place)
	next := choiceOf(e)
	if !slices.ContainsFunc(writes, next.wrote) {
		return undone, false, nil // nobody can have undone what was never written here, and no remote need be asked
	}
	stands, more := Recorded(e.Old), false
	for i, w := range writes {
		if !w.Ended.After(j.Released) {
			break
		}
		at, err := j.whereabouts(ctx, w)
		switch {
		case err != nil:
			return undone, false, err
		case w.New == stands && at != rewound && (i == 0 || at == contained && !more):
			return undone, false, nil // ours stands
		case at == nowhere, at == rewound && more:
			continue
		}
		more = more || at == contained
		if !ok && next.wrote(w) {
			undone, ok = w, true
		}
		if w.Old == stands && (ok || at == contained) {
			return undone, ok, nil // before a rewound one others may have been rewound or undone as well
		}
	}
	return Write{}, false, nil
}

// whereabouts is where a commit of ours is, as seen from the tip that is edited.
type whereabouts int

const (
	// nowhere: it never came into the history of the branch.
	nowhere whereabouts = iota
	// contained: it is the tip, or among its ancestors.
	contained
	// rewound: it was in the history of the branch, which somebody has set back.
	rewound
)

// whereabouts asks about each commit once.
func (j *judgement) whereabouts(ctx context.Context, w Write) (whereabouts, error) {
	if w.Commit == "" || j.Ancestry == nil {
		return nowhere, nil
	}
	if at, known := j.commits[w.Commit]; known {
		return at, nil
	}
	at := nowhere
	if is, err := j.Ancestry.Contains(ctx, w.Commit); err != nil {
		return nowhere, err
	} else if is {
		at = contained
	} else if past, err := j.Ancestry.RewoundPast(ctx, w); err != nil {
		return nowhere, err
	} else if past {
		at = rewound
	}
	j.commits[w.Commit] = at
	return at, nil
}

// choice is what an edit would write.
type choice struct {
	value string
	// tagged is the reference without its digest, where the edit moves to another one. Empty: only the value counts.
	tagged string
}

func choiceOf(e Edit) choice {
	c := choice{value: Recorded(e.New)}
	if e.Ref.Part == marker.Whole && withoutDigest(e.Old) != withoutDigest(e.New) {
		c.tagged = withoutDigest(e.New)
	}
	return c
}

// wrote says whether a write wrote the choice. A tag that was pushed again, with other bytes, is the same one: the policy has
// not moved past it.
func (c choice) wrote(w Write) bool {
	return w.New == c.value || c.tagged != "" && withoutDigest(w.New) == c.tagged
}

func withoutDigest(ref string) string {
	tagged, _, _ := strings.Cut(ref, "@")
	return tagged
}
