// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"strconv"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/reconcile"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// notes shows, under a table of automations that were named, what each left alone and why: whoever names one wants to know.
// In longer tables the message says how many values are held.
func notes(o options, found []result, progress terminal.Progress) {
	if len(o.names) == 0 || o.output != "" && o.output != outputWide {
		return
	}
	for _, r := range found {
		for _, object := range r.objects {
			if automation, ok := object.(*updaterv1.ImageUpdateAutomation); ok {
				status := automation.GetStatus()
				reconcile.Warnings(&updaterv1.Run{Warnings: status.GetWarnings(), Held: status.GetHeld()}, progress)
			}
		}
	}
}

// some is a number, and nothing for none.
func some(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func imageUpdateAutomations() view {
	return view{
		kind: kinds.ImageUpdateAutomation(),
		columns: []column{
			{"LAST RUN", typed(func(o *updaterv1.ImageUpdateAutomation) string {
				return table.Moment(o.GetStatus().GetLastAutomationRunTime())
			})},
			suspended(),
		},
		wide: []column{
			{"SOURCE", typed(func(o *updaterv1.ImageUpdateAutomation) string {
				source := o.GetSpec().GetSourceRef()
				if source.GetNamespace() == "" {
					return source.GetName()
				}
				return source.GetNamespace() + "/" + source.GetName()
			})},
			{"LAST PUSH", typed(func(o *updaterv1.ImageUpdateAutomation) string {
				commit := o.GetStatus().GetLastPushCommit()
				return commit[:min(len(commit), 8)]
			})},
			{"HELD", typed(func(o *updaterv1.ImageUpdateAutomation) string { return some(len(o.GetStatus().GetHeld())) })},
			{"WARNINGS", typed(func(o *updaterv1.ImageUpdateAutomation) string { return some(len(o.GetStatus().GetWarnings())) })},
		},
	}
}
