// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/origin"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

const (
	// maxSwaps bounds how often a listing is merged anew because another replica has stored one meanwhile.
	maxSwaps = 5
	// storeTimeout bounds the storing of a listing that is there: it is finished also when the process is to end.
	storeTimeout = 10 * time.Second
	// slowScan is how long a scan runs before the status says that it does: short ones are not worth two writes.
	slowScan = 2 * time.Second
)

// ErrSuspended says that the object rests.
var ErrSuspended = errors.New("the repository is suspended")

// job is one scan under way.
type job struct {
	key        object.Key
	repository state.Repository
	// requested: somebody waits for it, so that its time is worth a write.
	requested bool
	// acceptShrink: one of them has looked, and means a loss of tags that would be held back.
	acceptShrink bool
	trace        *metav1.TraceContext
	// cause is why it is made, without its time.
	cause           origin.Scan
	started, listed time.Time
	tags            []string
	exclusions      registry.Exclusions
	canonical       registry.CanonicalName
	// moved are tracked tags that have another digest now, told what is to be noted of them.
	moved map[string]string
	told  []state.Tracked
	// held is the listing where it was held back; its FirstTime and Count are for the status to say.
	held *scannerv1.HeldScan
}

// Outcome is what became of a scan.
type Outcome struct {
	// Repository is the object after the scan; nil when it could not be read or written.
	Repository state.Repository
	// Result is what the scan found; nil when it failed.
	Result *scannerv1.ScanResult
	// Changed says that the tag set is another one than before.
	Changed bool
	// Err is why it failed: a *source.Error, which the status tells of too; ErrSuspended; object.ErrNotFound;
	// store.ErrUnavailable; the context's.
	Err error

	// scanned is the object as it was before the scan; nil when it could not be read.
	scanned state.Repository
	// secrets is the version of the secrets that it used; empty: it has none.
	secrets string
}

// scan runs one job over an object as it is stored now.
func (l *Loop) scan(ctx context.Context, j *job) Outcome {
	if Suspended(j.repository) {
		return Outcome{Repository: j.repository, Err: ErrSuspended}
	}
	outcome, err := l.attempt(ctx, j)
	if err == nil {
		return outcome
	}
	failure, ok := errors.AsType[*source.Error](err)
	if !ok {
		return Outcome{Repository: j.repository, Err: err}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	repository, err := l.state.Repositories.UpdateStatus(ctx, j.key, j.uid(), func(r state.Repository) error {
		return j.writeFailure(r, failure, time.Now())
	})
	if err != nil {
		return Outcome{Repository: j.repository, Err: errors.Join(failure, err)}
	}
	return Outcome{Repository: repository, Err: failure}
}

// attempt lists and stores. Its *source.Errors are for the status; its other errors are not.
func (l *Loop) attempt(ctx context.Context, j *job) (Outcome, error) {
	var err error
	if j.canonical, err = source.Name(j.repository.GetSpec().GetImage()); err != nil {
		return Outcome{}, err
	}
	if j.exclusions, err = registry.CompileExclusions(Exclusions(j.repository.GetSpec())); err != nil {
		return Outcome{}, &source.Error{Reason: reasonInvalidExclusions, Sentence: err.Error(), Stalled: true, Cause: err}
	}
	settle := l.tellWhenSlow(ctx, j)
	j.started = time.Now()
	listing, err := l.source.List(ctx, j.repository)
	if err == nil {
		j.tags, j.listed = listing.Tags, time.Now()
		l.followDigests(ctx, j)
	}
	settle()
	if err != nil {
		return Outcome{}, err
	}
	if listing.Invalid > 0 {
		l.logger.WarnContext(ctx, "the registry lists what are no tags; they are left out",
			"repository", j.key.String(), "count", listing.Invalid, "example", listing.InvalidExample)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return l.store(ctx, j)
}

// store merges the listing into the stored set, once more where somebody else has stored one meanwhile.
func (l *Loop) store(ctx context.Context, j *job) (Outcome, error) {
	for range maxSwaps {
		outcome, err := l.storeOnce(ctx, j)
		switch {
		case errors.Is(err, object.ErrConflict):
			continue
		case errors.Is(err, tagset.ErrStale):
			// A later listing is stored already: its outcome is the answer.
			repository, err := l.state.Repositories.Get(ctx, j.key)
			return Outcome{Repository: repository, Result: repository.GetStatus().GetLastScanResult()}, err
		}
		return outcome, err
	}
	return Outcome{}, fmt.Errorf("storing the tags of %s: %w", j.key, object.ErrConflict)
}

func (l *Loop) storeOnce(ctx context.Context, j *job) (Outcome, error) {
	was, err := l.state.Set(ctx, j.key)
	if errors.Is(err, tagset.ErrCorrupt) {
		l.logger.ErrorContext(ctx, "the stored tags cannot be read; they are collected afresh", "repository", j.key.String(), "error", err)
	} else if err != nil {
		return Outcome{}, err
	}
	if was.Of(j.uid()) && j.started.Before(was.Head.ScanStarted) {
		return Outcome{}, tagset.ErrStale // also where the other scan was of another image
	}
	plan, anew, err := l.plan(ctx, j, was)
	if err != nil {
		return Outcome{}, err
	}
	if err := l.holdBack(ctx, j, was, plan); err != nil {
		return Outcome{}, err
	}
	result := &scannerv1.ScanResult{
		Revision: plan.Head.Revision, TagCount: int32(plan.Head.Count), //nolint:gosec // at most 2,000,000
		ScanTime: timestamppb.New(j.listed), LatestTags: plan.Head.Latest,
	}
	mutate := func(r state.Repository) error { return j.writeSuccess(r, result) }
	var repository state.Repository
	if plan.Changed {
		repository, err = l.state.Swap(ctx, j.key, state.Swap{
			Was: was, Head: plan.Head, Write: plan.Write, Told: j.told, Found: j.found(plan, anew), Anew: anew, Mutate: mutate,
		})
	} else {
		repository, err = l.state.Keep(ctx, j.key, j.uid(), was, mutate)
	}
	return Outcome{Repository: repository, Result: result, Changed: plan.Changed}, err
}

// found is the scan as the origin of the tags that it has found; nil where it found none that is new.
func (j *job) found(plan tagset.Plan, anew bool) *origin.Scan {
	if plan.New == 0 {
		return nil
	}
	scan := j.cause
	scan.Time = plan.Head.ScanFinished
	if anew {
		scan.Trigger = origin.First
	}
	return &scan
}

// plan merges with the stored set, or starts a new one where that is of another object or image, or cannot be read.
func (l *Loop) plan(ctx context.Context, j *job, was state.Set) (plan tagset.Plan, anew bool, err error) {
	image := j.repository.GetSpec().GetImage()
	base := tagset.Head{}
	if was.Of(j.uid()) && was.Head.Image == image {
		base = was.Head
	}
	made := tagset.Scan{
		UID: j.uid(), Tags: j.tags, Exclusions: j.exclusions, First: base.ScanFinished.IsZero(),
		Started: j.started, Finished: j.listed, Moved: j.moved,
		TraceParent: j.trace.GetTraceparent(), TraceState: j.trace.GetTracestate(),
	}
	plan, err = tagset.Merge(base, was.Reader(ctx), made)
	if errors.Is(err, tagset.ErrCorrupt) {
		l.logger.ErrorContext(ctx, "the stored tags cannot be read; they are collected afresh", "repository", j.key.String(), "error", err)
		made.First = true
		plan, err = tagset.Merge(tagset.Head{}, was.Reader(ctx), made)
	}
	plan.Head.Image = image
	if err != nil {
		return plan, made.First, fmt.Errorf("merging the tags of %s: %w", j.key, err)
	}
	return plan, made.First, nil
}

func (j *job) uid() string { return j.repository.GetMetadata().GetUid() }

// Suspended says whether the object rests, by its spec or by an operator's word.
func Suspended(r *scannerv1.ImageRepository) bool {
	return r.GetSpec().GetSuspend() || r.GetOverride().GetSuspension() != nil
}

// Exclusions are the patterns that a spec means: its own, or the default where it has no list.
func Exclusions(spec *scannerv1.ImageRepositorySpec) []string {
	if spec.GetExclusionList() == nil {
		return registry.DefaultPatterns()
	}
	return spec.GetExclusionList().GetPatterns()
}
