// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"sync/atomic"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// source is one image repository. Its fields are guarded by Follower.mu, but for those that say otherwise.
type source struct {
	key object.Key
	// loading holds an element while the scanner is asked about the repository. Who holds it may read and replace tags
	// without mu, and write the other results with it.
	loading chan struct{}

	// policies want the repository. None: it is kept for a while, for Resolve.
	policies map[object.Key]struct{}
	// changed counts the reasons to ask the scanner; asked is what it was when the last question was put. Zero: never.
	changed, asked uint64
	// tags are the last that were known; nil where err says so.
	tags *Tags
	// err is the last question's outcome, a problem. With ErrUnreachable the tags stay.
	err error
	// access is what the scanner said of other namespaces.
	access map[string]verdict
	// failures is how often in a row the scanner could not be asked.
	failures int
	// used is when Resolve asked for it last, in nanoseconds since 1970; zero: never. Not guarded.
	used atomic.Int64
}

// verdict is an answer about one namespace, for as long as the repository's spec is of that generation.
type verdict struct {
	uid        string
	generation int64
	err        error
}

// holds says whether the verdict is about the repository as it is now.
func (v verdict) holds(head *scannerv1.TagSetHead) bool {
	return v.uid != "" && v.uid == head.GetUid() && v.generation == head.GetGeneration()
}

func newSource(key object.Key) *source {
	return &source{
		key: key, loading: make(chan struct{}, 1), changed: 1,
		policies: map[object.Key]struct{}{}, access: map[string]verdict{},
	}
}

// head is the newest head that was loaded; nil: there are no tags.
func (s *source) head() *scannerv1.TagSetHead {
	if s.tags == nil {
		return nil
	}
	return s.tags.head()
}

// fresh says that nothing has happened since the tags were loaded.
func (s *source) fresh() bool { return s.asked == s.changed && s.err == nil && s.tags != nil }

// includes says that the head tells nothing new.
func (s *source) includes(head *scannerv1.TagSetHead) bool {
	if !s.fresh() {
		return false
	}
	known := s.tags.head()
	return known.GetUid() == head.GetUid() && known.GetRevision() >= head.GetRevision() &&
		known.GetGeneration() >= head.GetGeneration()
}

// foreign returns the namespaces of policies that need the repository's leave.
func (s *source) foreign() map[string]struct{} {
	namespaces := map[string]struct{}{}
	for policy := range s.policies {
		if policy.Namespace != s.key.Namespace {
			namespaces[policy.Namespace] = struct{}{}
		}
	}
	return namespaces
}

// look returns what a policy of that namespace gets to see.
func (s *source) look(namespace string) (*Tags, error) {
	switch {
	case s.asked == 0:
		return nil, ErrPending
	case s.tags == nil:
		return nil, s.err
	case namespace == s.key.Namespace:
		return s.tags, nil
	}
	v, known := s.access[namespace]
	switch {
	case !known || !v.holds(s.tags.head()):
		return nil, ErrPending
	case v.err != nil:
		return nil, v.err
	}
	return s.tags, nil
}
