// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package outcome says in flux's words what became of an object that is ready: `scan fetched 2 tags`.
package outcome

import (
	"fmt"
	"time"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Of is the sentence for an object that is ready.
func Of(o kinds.Object) string {
	switch o := o.(type) {
	case *scannerv1.ImageRepository:
		return fmt.Sprintf("scan fetched %d tags", o.GetStatus().GetLastScanResult().GetTagCount())
	case *resolverv1.ImagePolicy:
		return "selected ref " + reference(o.GetStatus().GetLatestRef())
	case *updaterv1.GitRepository:
		return "fetched revision: " + o.GetStatus().GetArtifact().GetRevision()
	case *updaterv1.ImageUpdateAutomation:
		if t := o.GetStatus().GetLastAutomationRunTime(); t != nil {
			return "last run " + t.AsTime().Local().Format(time.RFC3339)
		}
		return "automation not yet run"
	default:
		return kinds.Ready(o).GetMessage()
	}
}

func reference(ref *resolverv1.ImageRef) string {
	text := ref.GetName() + ":" + ref.GetTag()
	if ref.GetDigest() != "" {
		text += "@" + ref.GetDigest()
	}
	return text
}
