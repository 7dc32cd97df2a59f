// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"strings"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// document is what siblings share.
type document struct {
	path   string
	number int
	policy object.Key
}

// siblings holds names and digests whose tag is held: a new digest beside the old tag would be another image, and a new
// name one that perhaps nobody ever pushed. Of several tags of the policy in the document the nearest ones count: those
// that share most of the way from the document's root.
func (j *judgement) siblings() {
	tags := map[document][]int{}
	held := map[document]bool{}
	for i, e := range j.Edits {
		if !carriesTag(e.Ref.Part) {
			continue
		}
		d := documentOf(e)
		tags[d] = append(tags[d], i)
		held[d] = held[d] || j.held[i] != nil
	}
	for i, e := range j.Edits {
		d := documentOf(e)
		if carriesTag(e.Ref.Part) || j.held[i] != nil || !held[d] {
			continue
		}
		if tag, ok := j.heldNear(e, tags[d]); ok {
			j.hold(i, updaterv1.HoldReason_HOLD_REASON_SIBLING, j.sentenceSibling(e, j.Edits[tag]))
		}
	}
}

// heldNear returns the first of the tags nearest to the edit that is held.
func (j *judgement) heldNear(e Edit, tags []int) (found int, ok bool) {
	nearest := -1
	for _, i := range tags {
		shared := sharedWay(e.Node, j.Edits[i].Node)
		switch {
		case shared > nearest:
			nearest, found, ok = shared, i, j.held[i] != nil
		case shared == nearest && !ok && j.held[i] != nil:
			found, ok = i, true
		}
	}
	return found, ok
}

func documentOf(e Edit) document { return document{e.Path, e.Document, e.Policy.Key} }

// sharedWay is how much two nodes have in common, in bytes, up to the last whole step.
func sharedWay(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return strings.LastIndexAny(a[:n], ".[]") + 1
}
