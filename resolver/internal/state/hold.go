// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
)

// Held returns the operator's word that pins the policy's answer now; nil: none, or its time is over.
func Held(policy *resolverv1.ImagePolicy, now time.Time) *metav1.Hold {
	hold := policy.GetOverride().GetHold()
	if hold == nil || Over(hold, now) {
		return nil
	}
	return hold
}

// Over says whether the hold has ended by itself.
func Over(hold *metav1.Hold, now time.Time) bool {
	return hold.GetUntil() != nil && !now.Before(hold.GetUntil().AsTime())
}
