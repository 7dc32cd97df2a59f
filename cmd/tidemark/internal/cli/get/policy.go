// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"time"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

func imagePolicies() view {
	return view{
		kind: kinds.ImagePolicy(),
		columns: []column{
			{"IMAGE", typed(func(o *resolverv1.ImagePolicy) string { return o.GetStatus().GetLatestRef().GetName() })},
			{"TAG", typed(func(o *resolverv1.ImagePolicy) string { return o.GetStatus().GetLatestRef().GetTag() })},
		},
		wide: []column{
			{"DIGEST", typed(func(o *resolverv1.ImagePolicy) string { return o.GetStatus().GetLatestRef().GetDigest() })},
			{"PREVIOUS", typed(func(o *resolverv1.ImagePolicy) string {
				previous := o.GetStatus().GetObservedPreviousRef()
				return imageRef(previous.GetName(), previous.GetTag(), previous.GetDigest())
			})},
			{"HELD BY", typed(heldBy)},
		},
	}
}

// heldBy says by whose word the answer stays, and why; empty: by nobody's, or no longer.
func heldBy(o *resolverv1.ImagePolicy) string {
	hold := o.GetOverride().GetHold()
	switch {
	case hold == nil, hold.GetUntil() != nil && !time.Now().Before(hold.GetUntil().AsTime()):
		return ""
	}
	by := hold.GetActor()
	if hold.GetUntil() != nil {
		by += " until " + table.Moment(hold.GetUntil())
	}
	if hold.GetReason() != "" {
		by += ": " + hold.GetReason()
	}
	return by
}
