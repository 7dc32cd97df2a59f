// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// Moment is a time as flux shows it, in the zone of the person who asks; empty where there is none.
func Moment(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format(time.RFC3339)
}
