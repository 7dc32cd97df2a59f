// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package spec

import (
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
)

// AgeClock is the contract's word for what an age was counted from.
func AgeClock(clock selection.Clock) resolverv1.AgeClock {
	switch clock {
	case selection.Pushed:
		return resolverv1.AgeClock_AGE_CLOCK_PUSHED
	case selection.FirstSeen:
		return resolverv1.AgeClock_AGE_CLOCK_FIRST_SEEN
	case selection.FirstScan:
		return resolverv1.AgeClock_AGE_CLOCK_FIRST_SCAN
	case selection.NoClock:
	}
	return resolverv1.AgeClock_AGE_CLOCK_UNSPECIFIED
}
