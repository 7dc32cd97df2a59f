// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package conditions_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
)

// show writes conditions in short: `Ready=True/Succeeded@3`.
func show(conds []*metav1.Condition) string {
	var parts []string
	for _, c := range conds {
		status := strings.TrimPrefix(c.GetStatus().String(), "CONDITION_STATUS_")
		parts = append(parts, c.GetType()+"="+status+"/"+c.GetReason())
	}
	return strings.Join(parts, " ")
}

func TestMarksKeepTheConditionsConsistent(t *testing.T) {
	now := time.Unix(1000, 0)
	var conds []*metav1.Condition
	mark := func(f func(*[]*metav1.Condition, int64, string, string, time.Time) bool, reason string) func() bool {
		return func() bool { return f(&conds, 1, reason, "m", now) }
	}
	for _, step := range []struct {
		name    string
		do      func() bool
		changed bool
		want    string
	}{
		{"reconciling", mark(conditions.MarkReconciling, "Progressing"), true, "Reconciling=TRUE/Progressing"},
		{"ready ends reconciling", mark(conditions.MarkReady, "Succeeded"), true, "Ready=TRUE/Succeeded"},
		{"ready again is nothing new", mark(conditions.MarkReady, "Succeeded"), false, "Ready=TRUE/Succeeded"},
		{"reconciling leaves ready alone", mark(conditions.MarkReconciling, "P"), true, "Ready=TRUE/Succeeded Reconciling=TRUE/P"},
		{"not ready goes on trying", mark(conditions.MarkNotReady, "Failed"), true, "Ready=FALSE/Failed Reconciling=TRUE/P"},
		{"stalled stops", mark(conditions.MarkStalled, "Bad"), true, "Ready=FALSE/Bad Stalled=TRUE/Bad"},
		{"stalled again is nothing new", mark(conditions.MarkStalled, "Bad"), false, "Ready=FALSE/Bad Stalled=TRUE/Bad"},
		{"not ready ends stalled", mark(conditions.MarkNotReady, "Failed"), true, "Ready=FALSE/Failed"},
		{"clearing what is not there", func() bool { return conditions.ClearStalled(&conds) }, false, "Ready=FALSE/Failed"},
	} {
		if changed := step.do(); changed != step.changed || show(conds) != step.want {
			t.Fatalf("%s: changed %v, got %s, want %s", step.name, changed, show(conds), step.want)
		}
	}
	if conditions.IsTrue(conds, conditions.TypeReady) || conditions.IsTrue(conds, "Unheard") {
		t.Error("what does not hold is said to hold")
	}
}

func TestTransitionTimeMovesWithTheStatusOnly(t *testing.T) {
	var conds []*metav1.Condition
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	conditions.MarkReady(&conds, 1, "Succeeded", "one", at(1))
	shared := conds[0]
	if !conditions.MarkReady(&conds, 2, "Succeeded", "two", at(2)) {
		t.Error("a new message is a change")
	}
	ready := conditions.Ready(statusOf(conds))
	if ready.GetLastTransitionTime().AsTime().Unix() != 1 || ready.GetObservedGeneration() != 2 || ready.GetMessage() != "two" {
		t.Errorf("got %v", ready)
	}
	if shared.GetMessage() != "one" {
		t.Error("a shared condition was written to")
	}
	conditions.MarkNotReady(&conds, 2, "Failed", "three", at(3))
	if got := conditions.Get(conds, conditions.TypeReady).GetLastTransitionTime().AsTime().Unix(); got != 3 {
		t.Errorf("after the status changed: %d", got)
	}
}

type statusOf []*metav1.Condition

func (s statusOf) GetConditions() []*metav1.Condition { return s }

func TestMessagesAreBoundedAndValid(t *testing.T) {
	for name, message := range map[string]string{
		"long":          strings.Repeat("x", conditions.MaxMessageBytes+1),
		"long in runes": "x" + strings.Repeat("ü", conditions.MaxMessageBytes),
		"not UTF-8":     "bad \xff byte",
	} {
		var conds []*metav1.Condition
		conditions.MarkNotReady(&conds, 1, "Failed", message, time.Unix(1, 0))
		got := conds[0].GetMessage()
		if len(got) > conditions.MaxMessageBytes || !utf8.ValidString(got) {
			t.Errorf("%s: %d bytes, valid %v", name, len(got), utf8.ValidString(got))
		}
		if conditions.MarkNotReady(&conds, 1, "Failed", message, time.Unix(2, 0)) {
			t.Errorf("%s: the same again is a change", name)
		}
	}
}
