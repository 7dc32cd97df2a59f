// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"errors"
	"hash/fnv"
	"time"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/origin"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

const (
	firstRetry = 10 * time.Second
	lastRetry  = 5 * time.Minute
	// jitter is the part of an interval by which a scan may be earlier, so that repositories of one interval spread. How much
	// it is, is each object's own: it is the same after a restart.
	jitter = 0.1
	// mix spreads what the low bits of a hash say to the high ones (2^64 divided by the golden ratio).
	mix uint64 = 0x9e3779b97f4a7c15
)

// due says when an object whose scans this process has not seen is to be scanned, and why; the zero time: not until it
// changes.
func due(r *scannerv1.ImageRepository, head tagset.Head, now time.Time) (time.Time, origin.Trigger) {
	status := r.GetStatus()
	interval := r.GetSpec().GetInterval().AsDuration()
	switch {
	case Suspended(r):
		return time.Time{}, origin.Unknown
	case status.GetObservedGeneration() != r.GetMetadata().GetGeneration():
		return now, origin.Spec
	case conditions.IsTrue(status.GetConditions(), conditions.TypeStalled):
		return time.Time{}, origin.Unknown
	case !conditions.IsTrue(status.GetConditions(), conditions.TypeReady),
		conditions.IsTrue(status.GetConditions(), conditions.TypeReconciling):
		return now, origin.Retry
	case head.UID != r.GetMetadata().GetUid(), head.Image != r.GetSpec().GetImage():
		return now, origin.Spec
	case interval <= 0:
		return time.Time{}, origin.Unknown
	default:
		return status.GetLastScanResult().GetScanTime().AsTime().Add(spread(interval, r.GetMetadata().GetUid())), origin.Interval
	}
}

// next says when an object is to be scanned again after a scan that ended now, with so many failures in a row, and
// why; the zero time: not until it changes.
func next(r *scannerv1.ImageRepository, err error, failures int, now time.Time) (time.Time, origin.Trigger) {
	interval := r.GetSpec().GetInterval().AsDuration()
	failure, failed := errors.AsType[*source.Error](err)
	switch {
	case errors.Is(err, ErrSuspended), errors.Is(err, object.ErrNotFound), failed && failure.Stalled:
		return time.Time{}, origin.Unknown
	case err != nil:
		if failed && failure.RetryAfter > 0 {
			return now.Add(failure.RetryAfter), origin.Retry
		}
		wait := backoff(failures)
		if interval > 0 {
			wait = min(wait, spread(interval, r.GetMetadata().GetUid()))
		}
		return now.Add(wait), origin.Retry
	case interval <= 0:
		return time.Time{}, origin.Unknown
	default:
		return now.Add(spread(interval, r.GetMetadata().GetUid())), origin.Interval
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

func spread(interval time.Duration, uid string) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(uid)) // a hash's Write never fails
	part := float64(h.Sum64()*mix>>11) / (1 << 53)
	return interval - time.Duration(part*jitter*float64(interval))
}
