// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"maps"
	"strings"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/internal/run"
)

// maxHeld is how many held values runs and statuses tell of; where there are so many, there may be more.
const maxHeld = 50

// holds are the policies because of which an automation holds values back.
type holds struct {
	policies map[object.Key]bool
	// more: there may be others.
	more bool
}

func holdsOf(held []*updaterv1.HeldValue) holds {
	h := holds{more: len(held) >= maxHeld}
	for _, value := range held {
		if h.policies == nil {
			h.policies = map[object.Key]bool{}
		}
		h.policies[policyOf(value)] = true
	}
	return h
}

// policyOf is the policy of a held value's marker, which is `<namespace>:<name>` or has a part after them.
func policyOf(value *updaterv1.HeldValue) object.Key {
	namespace, rest, _ := strings.Cut(value.GetSetter(), ":")
	name, _, _ := strings.Cut(rest, ":")
	return object.Key{Namespace: namespace, Name: name}
}

// letGo says whether a policy, of those by their names, has been reworded since a value was held back because of it.
func letGo(held []*updaterv1.HeldValue, known map[string]*policies.Policy) bool {
	for _, value := range held {
		p := known[policyOf(value).Name]
		if p != nil && p.Key == policyOf(value) && (p.Held || p.Generation != value.GetPolicyGeneration()) {
			return true
		}
	}
	return false
}

func (h holds) because(policy object.Key) bool { return h.more || h.policies[policy] }

// reworded says that a policy chose what it chose before, by another spec or by an operator's word: that changes nothing but
// what may be held back.
func reworded(change policies.Change) bool {
	return change.Before != nil && change.After != nil && change.Before.Image == change.After.Image &&
		maps.Equal(change.Before.Labels, change.After.Labels)
}

// reconsider takes in what a run held back. Where a policy was reworded while it ran, it may have seen the old words. The
// caller holds the lock.
func (d *Dispatcher) reconsider(e *entry, outcome run.Outcome) {
	if held := outcome.Run.GetHeld(); outcome.Failure == nil || len(held) > 0 {
		e.held = holdsOf(held)
	}
	for _, policy := range e.reworded {
		if e.held.because(policy) && !e.suspended && d.groups[e.group] != nil {
			d.gather(e.group, []*entry{e})
		}
	}
	e.reworded = nil
}
