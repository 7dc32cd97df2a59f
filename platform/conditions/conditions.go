// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package conditions keeps the conditions of an object's status as Kubernetes and Flux do: one entry per type, whose
// transition time moves only with its status. What the reasons are is the services' business.
package conditions

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// The types of conditions in use.
const (
	// TypeReady says whether the object does what its spec says.
	TypeReady = "Ready"
	// TypeReconciling says that work is under way, or will be tried again by itself.
	TypeReconciling = "Reconciling"
	// TypeStalled says that nothing will help but a change of the spec.
	TypeStalled = "Stalled"
)

// MaxMessageBytes bounds a condition's message: 32 KiB, Kubernetes' limit. Longer ones are cut.
const MaxMessageBytes = 32 << 10

const cutMark = "…"

// Set makes the condition the one of its type, and says whether anything changed. last_transition_time is `now` if the
// type is new or its status changes, and stays otherwise. The elements of the list are replaced and never written to, so
// that a list copied from a shared message may be given.
func Set(conds *[]*metav1.Condition, condition *metav1.Condition, now time.Time) (changed bool) {
	next := proto.CloneOf(condition)
	next.Message = bounded(next.GetMessage())
	next.LastTransitionTime = timestamppb.New(now)
	i := index(*conds, condition.GetType())
	if i < 0 {
		*conds = append(slices.Clone(*conds), next)
		return true
	}
	was := (*conds)[i]
	if was.GetStatus() == next.GetStatus() {
		next.LastTransitionTime = was.GetLastTransitionTime()
	}
	if proto.Equal(was, next) {
		return false
	}
	*conds = slices.Clone(*conds)
	(*conds)[i] = next
	return true
}

func index(conds []*metav1.Condition, conditionType string) int {
	return slices.IndexFunc(conds, func(c *metav1.Condition) bool { return c.GetType() == conditionType })
}

// bounded cuts a message to MaxMessageBytes of valid UTF-8, which is all that protobuf takes.
func bounded(message string) string {
	message = strings.ToValidUTF8(message, "\uFFFD")
	if len(message) <= MaxMessageBytes {
		return message
	}
	end := MaxMessageBytes - len(cutMark)
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + cutMark
}

// Get returns the condition of that type, or nil.
func Get(conds []*metav1.Condition, conditionType string) *metav1.Condition {
	if i := index(conds, conditionType); i >= 0 {
		return conds[i]
	}
	return nil
}

// Clear removes the condition of that type, and says whether there was one.
func Clear(conds *[]*metav1.Condition, conditionType string) (changed bool) {
	i := index(*conds, conditionType)
	if i < 0 {
		return false
	}
	*conds = slices.Delete(slices.Clone(*conds), i, i+1)
	return true
}

// ClearReconciling says that no work is under way.
func ClearReconciling(conds *[]*metav1.Condition) (changed bool) {
	return Clear(conds, TypeReconciling)
}

// ClearStalled says that the spec may be worked on.
func ClearStalled(conds *[]*metav1.Condition) (changed bool) { return Clear(conds, TypeStalled) }

// Ready returns the Ready condition of a status, or nil.
func Ready(status interface{ GetConditions() []*metav1.Condition }) *metav1.Condition {
	return Get(status.GetConditions(), TypeReady)
}

// IsTrue says whether the condition of that type holds; one that is not there does not.
func IsTrue(conds []*metav1.Condition, conditionType string) bool {
	return Get(conds, conditionType).GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_TRUE
}

// MarkReady says that all is done: Ready is true, Reconciling and Stalled are gone.
func MarkReady(conds *[]*metav1.Condition, generation int64, reason, message string, now time.Time) (changed bool) {
	changed = set(conds, TypeReady, metav1.ConditionStatus_CONDITION_STATUS_TRUE, generation, reason, message, now)
	changed = ClearReconciling(conds) || changed
	return ClearStalled(conds) || changed
}

// MarkNotReady says that it failed and will be tried again: Ready is false, Stalled is gone.
func MarkNotReady(conds *[]*metav1.Condition, generation int64, reason, message string, now time.Time) (changed bool) {
	changed = set(conds, TypeReady, metav1.ConditionStatus_CONDITION_STATUS_FALSE, generation, reason, message, now)
	return ClearStalled(conds) || changed
}

// MarkStalled says that it failed and will not be tried again before the spec changes: Stalled is true, Ready is false
// for the same reason, Reconciling is gone.
func MarkStalled(conds *[]*metav1.Condition, generation int64, reason, message string, now time.Time) (changed bool) {
	changed = set(conds, TypeReady, metav1.ConditionStatus_CONDITION_STATUS_FALSE, generation, reason, message, now)
	changed = set(conds, TypeStalled, metav1.ConditionStatus_CONDITION_STATUS_TRUE, generation, reason, message, now) || changed
	return ClearReconciling(conds) || changed
}

// MarkReconciling says that work is under way: Reconciling is true, Stalled is gone. Ready stays what it was, for the
// last good state is still served.
func MarkReconciling(conds *[]*metav1.Condition, generation int64, reason, message string, now time.Time) (changed bool) {
	changed = set(conds, TypeReconciling, metav1.ConditionStatus_CONDITION_STATUS_TRUE, generation, reason, message, now)
	return ClearStalled(conds) || changed
}

func set(
	conds *[]*metav1.Condition, conditionType string, status metav1.ConditionStatus, generation int64,
	reason, message string, now time.Time,
) bool {
	return Set(conds, &metav1.Condition{
		Type: conditionType, Status: status, ObservedGeneration: generation, Reason: reason, Message: message,
	}, now)
}
