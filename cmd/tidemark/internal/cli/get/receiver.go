// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"strings"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

func receivers() view {
	return view{
		kind:    kinds.Receiver(),
		columns: []column{suspended()},
		wide: []column{
			{"TYPE", typed(func(o *scannerv1.Receiver) string {
				word := strings.TrimPrefix(o.GetSpec().GetType().String(), "RECEIVER_TYPE_")
				return strings.ToLower(strings.ReplaceAll(word, "_", "-"))
			})},
			{"WARNINGS", typed(func(o *scannerv1.Receiver) string { return strings.Join(o.GetStatus().GetWarnings(), "; ") })},
		},
	}
}
