// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"regexp"
	"strings"
	"sync"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// column is one column of a kind's table.
type column struct {
	header string
	cell   func(kinds.Object) string
}

// view is how a kind is shown.
type view struct {
	kind kinds.Kind
	// columns come after the name, then the wide ones where they are asked for, then the state.
	columns, wide []column
}

// header is the first row: where namespaces are mixed, theirs comes first.
func (v view) header(o options) []string {
	var header []string
	if o.allNamespaces {
		header = append(header, "NAMESPACE")
	}
	header = append(header, "NAME")
	for _, c := range v.shown(o) {
		header = append(header, c.header)
	}
	return header
}

// row is an object's row; in mixed tables its name carries the kind.
func (v view) row(o options, object kinds.Object) []string {
	row := v.names(o, object.GetMetadata().GetNamespace(), object.GetMetadata().GetName())
	for _, c := range v.shown(o) {
		row = append(row, c.cell(object))
	}
	return row
}

// goneRow is the row of an object that is deleted.
func (v view) goneRow(o options, deleted *metav1.ObjectDeleted) []string {
	row := v.names(o, deleted.GetNamespace(), deleted.GetName())
	row = append(row, make([]string, len(v.shown(o)))...)
	row[len(row)-1] = "deleted"
	return row
}

func (v view) names(o options, namespace, name string) []string {
	if o.mixed {
		name = v.kind.Resource + "/" + name
	}
	if o.allNamespaces {
		return []string{namespace, name}
	}
	return []string{name}
}

func (v view) shown(o options) []column {
	var all []column
	all = append(all, v.columns...)
	if o.output == outputWide {
		all = append(all, v.wide...)
		all = append(all, ownership()...)
	}
	return append(all, state()...)
}

// typed makes a cell of a function over the kind's own type.
func typed[T kinds.Object](cell func(T) string) func(kinds.Object) string {
	return func(o kinds.Object) string {
		object, ok := o.(T)
		if !ok {
			return ""
		}
		return cell(object)
	}
}

// state are the columns that end every table; the message, which may be long, is the last.
func state() []column {
	return []column{
		{"READY", func(o kinds.Object) string { return readiness(kinds.Ready(o)) }},
		{"MESSAGE", message},
	}
}

// suspended says whether an object rests, by its manifest's word or an operator's.
func suspended() column {
	return column{"SUSPENDED", func(o kinds.Object) string { return truth(kinds.SuspendedBy(o) != "") }}
}

// ownership are the columns that every kind's wide table has.
func ownership() []column {
	return []column{
		{"SUSPENDED BY", func(o kinds.Object) string {
			if reason := o.GetOverride().GetSuspension().GetReason(); reason != "" {
				return kinds.SuspendedBy(o) + ": " + reason
			}
			return kinds.SuspendedBy(o)
		}},
		{"MANAGED BY", func(o kinds.Object) string { return o.GetMetadata().GetManagedBy() }},
	}
}

func truth(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

func readiness(c *metav1.Condition) string {
	switch c.GetStatus() {
	case metav1.ConditionStatus_CONDITION_STATUS_TRUE:
		return "True"
	case metav1.ConditionStatus_CONDITION_STATUS_FALSE:
		return "False"
	default:
		return "Unknown"
	}
}

func message(o kinds.Object) string {
	c := kinds.Ready(o)
	switch {
	case c != nil:
		return shortRevision(c.GetMessage()) + held(o)
	case kinds.SuspendedBy(o) != "":
		return "suspended before it was reconciled"
	default:
		return "waiting to be reconciled"
	}
}

var commit = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\bsha1:[0-9a-f]{40}\b`) })

// held says how many values an automation holds back though it is well: its message alone would say that all is done.
func held(o kinds.Object) string {
	automation, ok := o.(*updaterv1.ImageUpdateAutomation)
	if n := len(automation.GetStatus().GetHeld()); ok && n > 0 {
		return "; " + terminal.Count(n, "value") + " held"
	}
	return ""
}

// shortRevision shortens commits inside text as flux does: `main@sha1:1f3a9c2d`.
func shortRevision(text string) string {
	return commit().ReplaceAllStringFunc(text, func(id string) string { return id[:len("sha1:")+8] })
}

// imageRef is `name:tag@digest` with what is there.
func imageRef(name, tag, digest string) string {
	var b strings.Builder
	b.WriteString(name)
	if tag != "" {
		b.WriteString(":" + tag)
	}
	if digest != "" {
		b.WriteString("@" + digest)
	}
	return b.String()
}
