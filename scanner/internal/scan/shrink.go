// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

// A listing that has lost more than its share of a set of over smallSet tags is more often a registry's bad hour than
// somebody's wish. It is held back until confirmListings complete and equal ones were had over confirmAfter, or somebody
// who has looked accepts it.
const (
	defaultMaxShrink = 0.5
	smallSet         = 20
	confirmListings  = 3
	confirmAfter     = time.Hour
)

const reasonShrank = "TagSetShrank"

// holdBack is a *source.Error for a listing that is not to be stored yet; the job then has it as held, for the status. How
// often it was had before is what the status says, so that a restart does not count anew.
func (l *Loop) holdBack(ctx context.Context, j *job, was state.Set, plan tagset.Plan) error {
	j.held = nil
	if j.acceptShrink || was.Head.Total <= smallSet || float64(plan.Lost) <= l.maxShrink*float64(was.Head.Total) {
		return nil
	}
	now, err := l.state.Repositories.Get(ctx, j.key)
	if err != nil {
		return err
	}
	listing := &scannerv1.HeldScan{
		Revision: plan.Head.Listed, TagCount: int32(plan.Head.Count), //nolint:gosec // at most 2,000,000
		LastTime: timestamppb.New(j.listed),
	}
	held := again(now.GetStatus().GetHeldScan(), listing)
	if held.GetCount() >= confirmListings && held.GetLastTime().AsTime().Sub(held.GetFirstTime().AsTime()) >= l.confirmAfter {
		return nil
	}
	j.held = listing
	return &source.Error{
		Reason: reasonShrank,
		Sentence: fmt.Sprintf("scan held back: of %d tags the registry no longer lists %d, and the old ones are kept; if they are meant "+
			"to be gone, run `tidemark reconcile image repository %s -n %s --accept-shrink`; "+
			"else %d equal listings over at least %s are believed",
			was.Head.Total, plan.Lost, j.key.Name, j.key.Namespace, confirmListings, hours(l.confirmAfter)),
	}
}

// again is what was held, with one more listing: it counts anew when that is another one.
func again(held, listing *scannerv1.HeldScan) *scannerv1.HeldScan {
	next := &scannerv1.HeldScan{
		Revision: listing.GetRevision(), TagCount: listing.GetTagCount(),
		FirstTime: listing.GetLastTime(), LastTime: listing.GetLastTime(), Count: 1,
	}
	if held.GetRevision() == listing.GetRevision() {
		next.FirstTime, next.Count = held.GetFirstTime(), held.GetCount()+1
	}
	return next
}

func hours(d time.Duration) string {
	if d == time.Hour {
		return "an hour"
	}
	return d.String()
}
