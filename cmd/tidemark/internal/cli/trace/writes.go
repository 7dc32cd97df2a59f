// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// valueID tells one marked value from another; lines move, and are no part of it.
type valueID struct {
	automation, path string
	document         int32
	node, marker     string
}

func (w written) id() valueID { return valueID{w.Automation, w.Path, w.document, w.Node, w.Marker} }

// writes are the recorded changes that fit, the last one first, each with the one that replaced it.
func writes(of history, fits func(*updaterv1.RunChange) bool) []written {
	var all []written
	next := map[valueID]*replaced{}
	for _, run := range of.runs {
		ended := run.GetEndTime()
		if ended == nil {
			ended = run.GetStartTime()
		}
		for _, c := range run.GetChanges() {
			if !fits(c) {
				continue
			}
			w := written{
				Automation: of.name(), Path: c.GetPath(), Line: c.GetLine(), Object: c.GetObject(), Node: c.GetNode(),
				Marker: c.GetSetter(), Old: c.GetOldValue(), New: c.GetNewValue(), document: c.GetDocument(),
				Commit: run.GetCommit(), Branch: run.GetBranch(), URL: run.GetUrl(), Time: timeOf(ended), Run: run.GetId(),
				Unfinished: run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_UNSPECIFIED,
				Trigger:    strings.ToLower(strings.TrimPrefix(run.GetTrigger().String(), "RUN_TRIGGER_")), TraceID: run.GetTraceId(),
			}
			w.Replaced = next[w.id()]
			next[w.id()] = &replaced{New: w.New, Commit: w.Commit, Time: w.Time}
			all = append(all, w)
		}
	}
	return all
}

// says says whether a value that was written says the tag, or is a digest that is the tag's.
func (w written) says(tag, digest string) bool {
	marker := parseSetter(w.Marker)
	if marker.part == "digest" {
		return digest != "" && w.New == digest
	}
	return tag != "" && marker.tagIn(w.New) == tag
}

// newestFirst orders what several automations have written.
func newestFirst(all []written) {
	slices.SortStableFunc(all, func(a, b written) int {
		switch {
		case a.Time == nil || b.Time == nil:
			return 0
		case !a.Time.Equal(*b.Time):
			return b.Time.Compare(*a.Time)
		}
		return cmp.Compare(a.Automation, b.Automation)
	})
}

// heldOf are the values that the automation's last run held back, of those that fit.
func heldOf(a *updaterv1.ImageUpdateAutomation, fits func(*updaterv1.HeldValue) bool) []held {
	var all []held
	for _, h := range a.GetStatus().GetHeld() {
		if fits(h) {
			all = append(all, held{
				Automation: nameOf(a), Path: h.GetPath(), Line: h.GetLine(), Marker: h.GetSetter(),
				Value: h.GetValue(), Proposed: h.GetProposedValue(), Message: h.GetMessage(),
			})
		}
	}
	return all
}

// warningsOf are the warnings of the automation's last run that fit, but for those that a held value says already.
func warningsOf(a *updaterv1.ImageUpdateAutomation, told []held, fits func(string) bool) []reason {
	var all []reason
	for _, warning := range a.GetStatus().GetWarnings() {
		known := slices.ContainsFunc(told, func(h held) bool {
			return h.Automation == nameOf(a) && strings.HasPrefix(warning, fmt.Sprintf("%s:%d:", h.Path, h.Line))
		})
		if !known && fits(warning) {
			all = append(all, reason{nameOf(a), warning})
		}
	}
	return all
}

// resting says by whom an object is suspended, and why; empty: it is not.
func resting(o kinds.Object) string {
	by := kinds.SuspendedBy(o)
	if by == "" {
		return ""
	}
	if why := o.GetOverride().GetSuspension().GetReason(); why != "" {
		return fmt.Sprintf("it is suspended by %s (%s)", by, why)
	}
	return "it is suspended by " + by
}
