// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
)

func TestStatusNeverGoesBack(t *testing.T) {
	head := func(uid string, revision int64) *scannerv1.TagSetHead {
		return &scannerv1.TagSetHead{Uid: uid, Revision: revision}
	}
	ref := &resolverv1.ImageRef{Name: "app", Tag: "2"}
	for name, tt := range map[string]struct {
		answer  answer
		written bool
	}{
		"later tags":                 {answer{generation: 3, head: head("u", 6), ref: ref}, true},
		"the same tags":              {answer{generation: 3, head: head("u", 5), ref: ref}, true},
		"earlier tags":               {answer{generation: 3, head: head("u", 4), ref: ref}, false},
		"failure over earlier tags":  {answer{generation: 3, head: head("u", 4), err: policy.ErrNoTags}, false},
		"failure over later tags":    {answer{generation: 3, head: head("u", 6), err: policy.ErrNoTags}, true},
		"no tags at all":             {answer{generation: 3, err: follow.ErrAbsent}, true},
		"earlier spec":               {answer{generation: 2, head: head("u", 6), ref: ref}, false},
		"another repository's tags":  {answer{generation: 3, head: head("v", 1), ref: ref}, true},
		"failure of an earlier spec": {answer{generation: 2, err: follow.ErrAbsent}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := &resolverv1.ImagePolicy{
				Metadata: &metav1.ObjectMeta{Generation: 3},
				Status: &resolverv1.ImagePolicyStatus{
					ObservedGeneration: 3, TagSetRevision: 5, ImageRepositoryUid: "u",
					LatestRef: &resolverv1.ImageRef{Name: "app", Tag: "1"},
				},
			}
			err := tt.answer.record(t.Context(), p, time.Now())
			if written := !errors.Is(err, object.ErrUnchanged); written != tt.written || (written && err != nil) {
				t.Fatalf("written: %v, %v", written, err)
			}
			want := "1"
			if tt.written && tt.answer.ref != nil {
				want = "2"
			}
			if got := p.GetStatus().GetLatestRef().GetTag(); got != want {
				t.Errorf("the answer is %q", got)
			}
		})
	}
}

func TestReadyMessageHasFluxsWords(t *testing.T) {
	plain := &resolverv1.ImageRef{Name: "ghcr.io/app", Tag: "1"}
	pinned := &resolverv1.ImageRef{Name: "ghcr.io/app", Tag: "2", Digest: "sha256:ab"}
	for want, status := range map[string]*resolverv1.ImagePolicyStatus{
		"Latest image tag for ghcr.io/app resolved to 1":                       {LatestRef: plain},
		"Latest image tag for ghcr.io/app resolved to 2 with digest sha256:ab": {LatestRef: pinned},
		"Latest image tag for ghcr.io/app resolved to 2 with digest sha256:ab (previously ghcr.io/app:1)": {
			LatestRef: pinned, ObservedPreviousRef: plain,
		},
		"Latest image tag for ghcr.io/app resolved to 1 (previously ghcr.io/app:2@sha256:ab)": {
			LatestRef: plain, ObservedPreviousRef: pinned,
		},
	} {
		if got := readyMessage(status); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestHoldDoesNotWaitForTags(t *testing.T) {
	hold := &metav1.Hold{Tag: "1", Actor: "ops", Reason: "crash"}
	policy := func() *resolverv1.ImagePolicy {
		return &resolverv1.ImagePolicy{
			Metadata: &metav1.ObjectMeta{Generation: 3}, Override: &metav1.Override{Hold: hold},
			Status: &resolverv1.ImagePolicyStatus{TagSetRevision: 5, ImageRepositoryUid: "u", LatestRef: &resolverv1.ImageRef{Name: "app", Tag: "2"}},
		}
	}
	earlier := &scannerv1.TagSetHead{Uid: "u", Revision: 4}
	ref := &resolverv1.ImageRef{Name: "app", Tag: "1"}
	p := policy()
	held := answer{generation: 3, head: earlier, ref: ref, hold: hold, held: hold}
	if err := held.record(t.Context(), p, time.Now()); err != nil || p.GetStatus().GetLatestRef().GetTag() != "1" || p.GetStatus().GetTagSetRevision() != 5 {
		t.Errorf("of earlier tags: %v, %v", p.GetStatus(), err)
	}
	for name, a := range map[string]answer{
		"before the hold": {generation: 3, head: &scannerv1.TagSetHead{Uid: "u", Revision: 6}, ref: &resolverv1.ImageRef{Name: "app", Tag: "3"}},
		"of another hold": {generation: 3, head: earlier, ref: ref, hold: &metav1.Hold{Tag: "1"}, held: &metav1.Hold{Tag: "1"}},
		"of another spec": {generation: 2, head: earlier, ref: ref, hold: hold, held: hold},
	} {
		p := policy()
		if err := a.record(t.Context(), p, time.Now()); !errors.Is(err, object.ErrUnchanged) || p.GetStatus().GetLatestRef().GetTag() != "2" {
			t.Errorf("%s: %v, %v", name, p.GetStatus(), err)
		}
	}
}

func TestTheEarliestTimeCounts(t *testing.T) {
	now := time.Now()
	for _, times := range [][]time.Time{
		{now}, {{}, now, {}}, {now.Add(1), now, {}, now.Add(2)},
	} {
		if got := earliest(times...); !got.Equal(now) {
			t.Errorf("%v: %v", times, got)
		}
	}
	if got := earliest(time.Time{}, time.Time{}); !got.IsZero() {
		t.Errorf("of none: %v", got)
	}
}

func TestWhatMayHelpIsTriedAgain(t *testing.T) {
	gone := fmt.Errorf("%w: the registry has no tag '1' any more", errHeldGone)
	for name, tt := range map[string]struct {
		err    error
		reason string
		again  bool
	}{
		"registry":       {&selection.InspectError{Tag: "1"}, ReasonReadOperationFailed, true},
		"digest":         {&DigestError{Image: "app:1"}, ReasonReadOperationFailed, true},
		"none passes":    {fmt.Errorf("%w: 3 too young", policy.ErrNoneEligible), ReasonFailure, false},
		"too many":       {selection.ErrTooMany, ReasonFailure, false},
		"held and gone":  {gone, ReasonFailure, false},
		"absent":         {follow.ErrAbsent, ReasonDependencyNotReady, false},
		"store":          {errors.New("the store does not answer"), ReasonFailure, true},
		"invalid policy": {&policy.FieldError{Field: "policy"}, ReasonInvalidPolicy, false},
	} {
		if reason, _ := explain(tt.err); reason != tt.reason || retriable(tt.err) != tt.again {
			t.Errorf("%s: %s, again: %v", name, reason, retriable(tt.err))
		}
	}
}
