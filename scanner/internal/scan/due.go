// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"errors"
	"math/rand/v2"
	"time"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

const (
	firstRetry = 10 * time.Second
	lastRetry  = 5 * time.Minute
	// jitter is the part of an interval by which a scan may be earlier, so that repositories of one interval spread.
	jitter = 0.1
)

// due says when an object whose scans this process has not seen is to be scanned; the zero time: not until it changes.
func due(r *scannerv1.ImageRepository, head tagset.Head, now time.Time) time.Time {
	status := r.GetStatus()
	interval := r.GetSpec().GetInterval().AsDuration()
	switch {
	case Suspended(r):
		return time.Time{}
	case status.GetObservedGeneration() != r.GetMetadata().GetGeneration():
		return now
	case conditions.IsTrue(status.GetConditions(), conditions.TypeStalled):
		return time.Time{}
	case !conditions.IsTrue(status.GetConditions(), conditions.TypeReady),
		conditions.IsTrue(status.GetConditions(), conditions.TypeReconciling):
		return now
	case head.UID != r.GetMetadata().GetUid(), head.Image != r.GetSpec().GetImage():
		return now
	case interval <= 0:
		return time.Time{}
	default:
		return status.GetLastScanResult().GetScanTime().AsTime().Add(spread(interval))
	}
}

// next says when an object is to be scanned again after a scan that ended now, with so many failures in a row.
func next(r *scannerv1.ImageRepository, err error, failures int, now time.Time) time.Time {
	interval := r.GetSpec().GetInterval().AsDuration()
	failure, failed := errors.AsType[*source.Error](err)
	switch {
	case errors.Is(err, ErrSuspended), errors.Is(err, object.ErrNotFound), failed && failure.Stalled:
		return time.Time{}
	case err != nil:
		wait := backoff(failures)
		if interval > 0 {
			wait = min(wait, spread(interval))
		}
		if failed {
			wait = max(wait, failure.RetryAfter)
		}
		return now.Add(wait)
	case interval <= 0:
		return time.Time{}
	default:
		return now.Add(spread(interval))
	}
}

// backoff is 10 s after the first failure and doubles up to 5 min.
func backoff(failures int) time.Duration {
	wait := firstRetry
	for i := 1; i < failures && wait < lastRetry; i++ {
		wait *= 2
	}
	return min(wait, lastRetry)
}

func spread(interval time.Duration) time.Duration {
	return interval - time.Duration(rand.Float64()*jitter*float64(interval)) //nolint:gosec // chance, no secret
}
