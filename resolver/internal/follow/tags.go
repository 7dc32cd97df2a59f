// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/tagindex"
)

// Tags is the tag set of one image repository, up to date with the scanner's. A repository that was deleted and made
// again has another one. It is safe for concurrent use.
type Tags struct {
	uid   string
	index *tagindex.Index
	heads atomic.Pointer[turn]
	moves moves
}

// turn is the heads before and after the change that is being applied; both are the same between changes. What readers
// get is shared, and not to be changed.
type turn struct{ before, after *scannerv1.TagSetHead }

func newTags(head *scannerv1.TagSetHead, delta tagindex.Delta) *Tags {
	t := &Tags{uid: head.GetUid(), index: tagindex.New()}
	t.index.Apply(delta)
	t.heads.Store(&turn{before: head, after: head})
	return t
}

// Current returns the tags and the head that they are of.
func (t *Tags) Current() (*scannerv1.TagSetHead, *tagindex.Snapshot) {
	for {
		snapshot := t.index.Snapshot()
		heads := t.heads.Load()
		switch snapshot.Revision() {
		case heads.after.GetRevision():
			return heads.after, snapshot
		case heads.before.GetRevision():
			return heads.before, snapshot
		}
		// Two changes went by between the two reads: read again.
	}
}

// Acquire keeps the policy's order of the tags until release is called; see tagindex.Index.
func (t *Tags) Acquire(ctx context.Context, p *policy.Policy) (release func(), err error) {
	return t.index.Acquire(ctx, p)
}

// Evaluate answers a policy that nobody holds. The error is policy's, or the context's.
func (t *Tags) Evaluate(ctx context.Context, p *policy.Policy) (*scannerv1.TagSetHead, policy.Result, error) {
	if _, err := t.index.Prepare(ctx, p); err != nil {
		return nil, policy.Result{}, err
	}
	head, snapshot := t.Current()
	result, err := snapshot.Evaluate(ctx, p)
	return head, result, err
}

// head is the newest head.
func (t *Tags) head() *scannerv1.TagSetHead { return t.heads.Load().after }

// apply takes in what the scanner has sent. There is one caller at a time.
func (t *Tags) apply(head *scannerv1.TagSetHead, delta tagindex.Delta) {
	before := t.head()
	if !delta.Whole && proto.Equal(head, before) {
		return // the same, so that who compares heads sees that nothing has changed
	}
	if head.GetRevision() != before.GetRevision() || delta.Whole {
		t.heads.Store(&turn{before: before, after: head})
		t.index.Apply(delta)
	}
	t.heads.Store(&turn{before: head, after: head})
}

// size is the number of tags.
func (t *Tags) size() int { return t.index.Snapshot().Len() }
