// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"strconv"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

func imageRepositories() view {
	return view{
		kind: kinds.ImageRepository(),
		columns: []column{
			{"LAST SCAN", typed(func(o *scannerv1.ImageRepository) string {
				return table.Moment(o.GetStatus().GetLastScanResult().GetScanTime())
			})},
			suspended(),
		},
		wide: []column{
			{"IMAGE", typed(func(o *scannerv1.ImageRepository) string { return o.GetSpec().GetImage() })},
			{"TAGS", typed(func(o *scannerv1.ImageRepository) string {
				if o.GetStatus().GetLastScanResult() == nil {
					return ""
				}
				return strconv.Itoa(int(o.GetStatus().GetLastScanResult().GetTagCount()))
			})},
		},
	}
}
