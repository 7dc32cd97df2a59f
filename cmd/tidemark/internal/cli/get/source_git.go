// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

func gitRepositories() view {
	return view{
		kind: kinds.GitRepository(),
		columns: []column{
			{"REVISION", typed(func(o *updaterv1.GitRepository) string {
				return shortRevision(o.GetStatus().GetArtifact().GetRevision())
			})},
			suspended(),
		},
		wide: []column{
			{"URL", typed(func(o *updaterv1.GitRepository) string { return o.GetSpec().GetUrl() })},
		},
	}
}
