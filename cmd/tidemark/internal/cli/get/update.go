// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

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
		},
	}
}
