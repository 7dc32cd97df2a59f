// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"

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
		},
	}
}
