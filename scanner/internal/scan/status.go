// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

const (
	reasonSucceeded         = "Succeeded"
	reasonProgressing       = "Progressing"
	reasonInvalidExclusions = "InvalidExclusionList"
)

// scanTimeEvery is how often the time alone of a scan is worth a write.
const scanTimeEvery = time.Minute

// status is the object's status, made if it has none.
func status(r state.Repository) *scannerv1.ImageRepositoryStatus {
	if r.Status == nil {
		r.Status = &scannerv1.ImageRepositoryStatus{}
	}
	return r.Status
}

// writeSuccess makes the status that of a successful scan. The scan's time alone is kept back for a minute, unless
// somebody asked for the scan.
func (j *job) writeSuccess(r state.Repository, result *scannerv1.ScanResult) error {
	s := status(r)
	s.ObservedGeneration = j.repository.GetMetadata().GetGeneration()
	s.CanonicalImageName = j.canonical.String()
	s.ObservedExclusionList = j.exclusions.Patterns()
	changed := conditions.MarkReady(&s.Conditions, s.ObservedGeneration, reasonSucceeded,
		fmt.Sprintf("successful scan: found %d tags with checksum %s", result.GetTagCount(), result.GetRevision()), j.listed)
	s.HeldScan = nil
	was := proto.CloneOf(s.LastScanResult)
	s.LastScanResult = proto.CloneOf(result)
	if was == nil || changed || j.requested || j.listed.Sub(was.GetScanTime().AsTime()) >= scanTimeEvery {
		return nil
	}
	was.Revision, was.TagCount, was.LatestTags = result.GetRevision(), result.GetTagCount(), result.GetLatestTags()
	s.LastScanResult = was
	return nil
}

// writeFailure makes the status that of a failed scan. What the last successful one found stays, and so does a listing that
// is held back: who failed to list again has not listed anything else.
func (j *job) writeFailure(r state.Repository, failure *source.Error, now time.Time) error {
	s := status(r)
	s.ObservedGeneration = j.repository.GetMetadata().GetGeneration()
	if failure.Stalled {
		conditions.MarkStalled(&s.Conditions, s.ObservedGeneration, failure.Reason, failure.Sentence, now)
		return nil
	}
	if j.held != nil {
		s.HeldScan = again(s.HeldScan, j.held)
	}
	conditions.MarkNotReady(&s.Conditions, s.ObservedGeneration, failure.Reason, failure.Sentence, now)
	conditions.ClearReconciling(&s.Conditions)
	return nil
}

// tellWhenSlow says in the status that the scan is under way, should it not be settled soon. Settling waits until that is
// said, if it is being said, so that it is not said afterwards.
func (l *Loop) tellWhenSlow(ctx context.Context, j *job) (settle func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-ctx.Done():
			return
		case <-time.After(l.slowScan):
		}
		_, err := l.state.Repositories.UpdateStatus(ctx, j.key, j.uid(), func(r state.Repository) error {
			s := status(r)
			conditions.MarkReconciling(&s.Conditions, j.repository.GetMetadata().GetGeneration(), reasonProgressing,
				fmt.Sprintf("scanning %s", j.canonical), time.Now())
			return nil
		})
		if err != nil && ctx.Err() == nil {
			l.logger.WarnContext(ctx, "the status was not written", "repository", j.key.String(), "error", err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
