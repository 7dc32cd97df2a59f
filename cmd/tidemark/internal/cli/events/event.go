// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"fmt"
	"strings"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// The types, as Kubernetes has them.
const (
	normal  = "Normal"
	warning = "Warning"
)

// event is one thing that happened.
type event struct {
	// id is unique among the events of one object.
	id        string
	time      time.Time
	kind      string
	reason    string
	namespace string
	// object is KIND/NAME.
	object  string
	message string
	// times is how often it happened since first; one or less: once.
	times int
	first time.Time
}

// seen is how long ago, as flux shows it.
func (e event) seen(now time.Time) string {
	text := table.Age(now.Sub(e.time))
	if e.times > 1 && !e.first.IsZero() {
		text += fmt.Sprintf(" (x%d over %s)", e.times, table.Age(now.Sub(e.first)))
	}
	return text
}

// about is an event of an object, yet without a word.
func about(kind kinds.Kind, o kinds.Object, id string, at time.Time) event {
	return event{
		id: id, time: at, kind: normal, namespace: o.GetMetadata().GetNamespace(), object: kind.Noun + "/" + o.GetMetadata().GetName(),
	}
}

// ofObject are the events that the object itself tells of: its conditions, and operators' words.
func ofObject(kind kinds.Kind, o kinds.Object) []event {
	var all []event
	for _, c := range kinds.Conditions(o) {
		at := c.GetLastTransitionTime()
		holds := c.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_TRUE
		if at == nil || c.GetType() != "Ready" && !holds { // that something is no longer stalled or reconciling is no news
			continue
		}
		e := about(kind, o, fmt.Sprintf("condition/%s/%s/%s/%s", c.GetType(), c.GetStatus(), c.GetReason(), at.AsTime()), at.AsTime())
		e.reason, e.message = c.GetReason(), c.GetMessage()
		if c.GetType() == "Stalled" || c.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_FALSE {
			e.kind = warning
		}
		all = append(all, e)
	}
	return append(all, words(kind, o)...)
}

// words are what operators said.
func words(kind kinds.Kind, o kinds.Object) []event {
	var all []event
	override := o.GetOverride()
	if s := override.GetSuspension(); s.GetTime() != nil {
		e := about(kind, o, "suspension/"+s.GetTime().AsTime().String(), s.GetTime().AsTime())
		e.reason, e.message = "Suspended", "suspended"+by(s.GetActor(), s.GetReason())
		all = append(all, e)
	}
	if h := override.GetHold(); h.GetTime() != nil {
		id := "hold/" + h.GetTime().AsTime().String()
		e := about(kind, o, id, h.GetTime().AsTime())
		e.reason, e.message = "Held", "held at "+h.GetTag()
		if h.GetUntil() != nil {
			e.message += " until " + table.Moment(h.GetUntil())
		}
		e.message += by(h.GetActor(), h.GetReason())
		all = append(all, e)
		if end := h.GetUntil(); end != nil && time.Now().After(end.AsTime()) {
			e := about(kind, o, id+"/end", end.AsTime())
			e.reason, e.message = "HoldEnded", "the hold at "+h.GetTag()+" ended"
			all = append(all, e)
		}
	}
	if r := override.GetRevertRelease(); r.GetTime() != nil {
		e := about(kind, o, "release/"+r.GetTime().AsTime().String(), r.GetTime().AsTime())
		e.reason, e.message = "RevertReleased", "what was held because it had been undone is written again"+by(r.GetActor(), "")
		all = append(all, e)
	}
	return all
}

func by(actor, reason string) string {
	text := ""
	if actor != "" {
		text = " by " + actor
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}

// ofRuns are the runs that pushed or failed.
func ofRuns(kind kinds.Kind, o kinds.Object, runs []*updaterv1.Run) []event {
	var all []event
	for _, run := range runs {
		at := run.GetEndTime()
		if at == nil {
			at = run.GetStartTime()
		}
		if at == nil {
			continue
		}
		e := about(kind, o, fmt.Sprintf("run/%s/%d", run.GetId(), run.GetRepetitions()), at.AsTime())
		e.message = run.GetMessage()
		switch run.GetOutcome() {
		case updaterv1.RunOutcome_RUN_OUTCOME_PUSHED:
			e.reason = "Pushed"
		case updaterv1.RunOutcome_RUN_OUTCOME_FAILED:
			e.reason, e.kind = "RunFailed", warning
		case updaterv1.RunOutcome_RUN_OUTCOME_UNSPECIFIED, updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE:
			continue
		}
		if first := run.GetFirstStartTime(); first != nil {
			e.times, e.first = int(run.GetRepetitions())+1, first.AsTime()
		}
		all = append(all, e)
	}
	return all
}

// ofTags are the tags that appeared after the first scan.
func ofTags(kind kinds.Kind, o kinds.Object, tags []*scannerv1.Tag) []event {
	var all []event
	for _, tag := range tags {
		if tag.GetInitial() || tag.GetFirstSeenTime() == nil {
			continue
		}
		e := about(kind, o, strings.Join([]string{"tag", tag.GetName(), tag.GetFirstSeenTime().AsTime().String()}, "/"), tag.GetFirstSeenTime().AsTime())
		e.reason, e.message = "NewTag", "tag "+tag.GetName()+" appeared"
		all = append(all, e)
	}
	return all
}
