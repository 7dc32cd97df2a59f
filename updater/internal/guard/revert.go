// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// undone returns the write that wrote what the edit would write again, and that somebody has undone since. Nil: there is
// none.
//
// The writes at a place are a chain, from value to value. The value that stands was replaced by one of them: what that one
// and those after it wrote is what was undone. A commit that never came into the history of the branch, for example of a
// push branch that was built anew, was not undone by anybody.
func (j *judgement) undone(ctx context.Context, e Edit) (*Write, error) {
	writes := j.writes(e.Place)
	stands := Recorded(e.Old)
	if len(writes) == 0 || writes[0].New == stands || !everChosen(e, writes) {
		return nil, nil
	}
	var again []Write // that wrote what would be written again
	for _, w := range writes {
		if !w.Ended.After(j.Released) {
			return nil, nil
		}
		if chosenAgain(e, w) {
			again = append(again, w)
		}
		if w.Old != stands {
			continue
		}
		arrived, err := j.hasArrived(ctx, w)
		if err != nil {
			return nil, err
		}
		if arrived {
			return j.firstArrived(ctx, again)
		}
	}
	return nil, nil
}

// everChosen says whether the value was ever written here: else nobody can have undone it, and no remote need be asked.
func everChosen(e Edit, writes []Write) bool {
	for _, w := range writes {
		if chosenAgain(e, w) {
			return true
		}
	}
	return false
}

func (j *judgement) firstArrived(ctx context.Context, writes []Write) (*Write, error) {
	for _, w := range writes {
		if arrived, err := j.hasArrived(ctx, w); arrived || err != nil {
			return &w, err
		}
	}
	return nil, nil
}

func (j *judgement) hasArrived(ctx context.Context, w Write) (bool, error) {
	if w.Commit == "" || j.Ancestry == nil {
		return false, nil
	}
	if arrived, known := j.arrived[w.Commit]; known {
		return arrived, nil
	}
	arrived, err := j.Ancestry.Contains(ctx, w.Commit)
	if err == nil && !arrived {
		arrived, err = j.Ancestry.RewoundPast(ctx, w)
	}
	if err != nil {
		return false, err
	}
	j.arrived[w.Commit] = arrived
	return arrived, nil
}

// chosenAgain says whether the edit would write what w wrote. A tag whose bytes were pushed again is the same choice: the
// policy has not moved past it.
func chosenAgain(e Edit, w Write) bool {
	if w.New == Recorded(e.New) {
		return true
	}
	if e.Ref.Part != marker.Whole {
		return false
	}
	stands, before, now := withoutDigest(e.Old), withoutDigest(w.New), withoutDigest(e.New)
	return before == now && stands != now
}

func withoutDigest(ref string) marker.Image {
	image := marker.SplitReference(ref)
	image.Digest = ""
	return image
}
