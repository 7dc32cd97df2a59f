// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/origin"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

func TestDueAfterARestart(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	scanned := func() *scannerv1.ImageRepository {
		r := &scannerv1.ImageRepository{
			Metadata: &metav1.ObjectMeta{Uid: "u", Generation: 3},
			Spec:     &scannerv1.ImageRepositorySpec{Image: "a", Interval: durationpb.New(time.Hour)},
			Status: &scannerv1.ImageRepositoryStatus{
				ObservedGeneration: 3, LastScanResult: &scannerv1.ScanResult{ScanTime: timestamppb.New(now.Add(-10 * time.Minute))},
			},
		}
		conditions.MarkReady(&r.Status.Conditions, 3, reasonSucceeded, "", now)
		return r
	}
	head := tagset.Head{UID: "u", Image: "a"}
	const never, at, later = "never", "now", "after the interval"
	for _, tt := range []struct {
		name   string
		change func(r *scannerv1.ImageRepository, head *tagset.Head)
		want   string
		why    origin.Trigger
	}{
		{"scanned well", func(*scannerv1.ImageRepository, *tagset.Head) {}, later, origin.Interval},
		{"never scanned", func(r *scannerv1.ImageRepository, h *tagset.Head) { r.Status, *h = nil, tagset.Head{} }, at, origin.Spec},
		{"another spec", func(r *scannerv1.ImageRepository, _ *tagset.Head) { r.Metadata.Generation = 4 }, at, origin.Spec},
		{"no tags stored", func(_ *scannerv1.ImageRepository, h *tagset.Head) { *h = tagset.Head{} }, at, origin.Spec},
		{"tags of another image", func(_ *scannerv1.ImageRepository, h *tagset.Head) { h.Image = "b" }, at, origin.Spec},
		{"no interval", func(r *scannerv1.ImageRepository, _ *tagset.Head) { r.Spec.Interval = durationpb.New(0) }, never, origin.Unknown},
		{"suspended by its spec", func(r *scannerv1.ImageRepository, _ *tagset.Head) { r.Spec.Suspend = true }, never, origin.Unknown},
		{"suspended by an operator", func(r *scannerv1.ImageRepository, _ *tagset.Head) {
			r.Override = &metav1.Override{Suspension: &metav1.Suspension{Actor: "me"}}
		}, never, origin.Unknown},
		{"failed", func(r *scannerv1.ImageRepository, _ *tagset.Head) {
			conditions.MarkNotReady(&r.Status.Conditions, 3, "x", "", now)
		}, at, origin.Retry},
		{"interrupted", func(r *scannerv1.ImageRepository, _ *tagset.Head) {
			conditions.MarkReconciling(&r.Status.Conditions, 3, "x", "", now)
		}, at, origin.Retry},
		{"stalled", func(r *scannerv1.ImageRepository, _ *tagset.Head) {
			conditions.MarkStalled(&r.Status.Conditions, 3, "x", "", now)
		}, never, origin.Unknown},
	} {
		r, h := scanned(), head
		tt.change(r, &h)
		got, why := due(r, h, now)
		low, high := now.Add(44*time.Minute), now.Add(50*time.Minute) // an interval after the scan, and a tenth less
		if !got.IsZero() && why != tt.why {
			t.Errorf("%s: because of %v, want %v", tt.name, why, tt.why)
		}
		switch {
		case tt.want == never && got.IsZero(), tt.want == at && got.Equal(now):
		case tt.want == later && !got.Before(low) && !got.After(high):
		default:
			t.Errorf("%s: due %v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestNextTry(t *testing.T) {
	now := time.Now()
	failure := &source.Error{}
	for _, tt := range []struct {
		name      string
		interval  time.Duration
		err       error
		failures  int
		low, high time.Duration // both zero: never
	}{
		{"success", time.Hour, nil, 0, 54 * time.Minute, time.Hour},
		{"success without an interval", 0, nil, 0, 0, 0},
		{"first failure", time.Hour, failure, 1, 10 * time.Second, 10 * time.Second},
		{"third failure", time.Hour, failure, 3, 40 * time.Second, 40 * time.Second},
		{"hundredth failure", time.Hour, failure, 100, 5 * time.Minute, 5 * time.Minute},
		{"failure with a short interval", time.Second, failure, 9, 900 * time.Millisecond, time.Second},
		{"failure without an interval", 0, failure, 1, 10 * time.Second, 10 * time.Second},
		{"the registry asks for rest", time.Second, &source.Error{RetryAfter: time.Hour}, 1, time.Hour, time.Hour},
		{"stalled", time.Hour, &source.Error{Stalled: true}, 1, 0, 0},
		{"suspended", time.Hour, ErrSuspended, 1, 0, 0},
		{"deleted", time.Hour, object.ErrNotFound, 1, 0, 0},
		{"the store is away", time.Hour, errors.New("x"), 2, 20 * time.Second, 20 * time.Second},
	} {
		r := &scannerv1.ImageRepository{Spec: &scannerv1.ImageRepositorySpec{Interval: durationpb.New(tt.interval)}}
		got, why := next(r, tt.err, tt.failures, now)
		if tt.high == 0 && got.IsZero() {
			continue
		}
		if want := map[bool]origin.Trigger{true: origin.Interval, false: origin.Retry}[tt.err == nil]; why != want {
			t.Errorf("%s: because of %v, want %v", tt.name, why, want)
		}
		if wait := got.Sub(now); tt.high == 0 || wait < tt.low || wait > tt.high {
			t.Errorf("%s: after %v, want %v to %v", tt.name, wait, tt.low, tt.high)
		}
	}
}

func TestScansOfOneIntervalSpreadAlikeAfterARestart(t *testing.T) {
	const objects = 1000
	tenths := map[int]int{}
	for i := range objects {
		uid := fmt.Sprint("uid-", i)
		wait := spread(time.Hour, uid)
		if wait != spread(time.Hour, uid) {
			t.Fatal("a restart moves the scans")
		}
		if wait < 54*time.Minute || wait > time.Hour {
			t.Fatalf("an interval of %v, want at most a tenth less than an hour", wait)
		}
		tenths[int((time.Hour-wait)/(36*time.Second))]++
	}
	for tenth := range 10 {
		if tenths[tenth] < objects/20 || tenths[tenth] > objects/5 {
			t.Errorf("tenth %d has %d of %d objects", tenth, tenths[tenth], objects)
		}
	}
}
