// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package guard decides which values an automation must not write though its policies say so. It reads no repository, no
// store and no policy: what was written before, what the branch contains and which of two tags is older it asks of
// History, Ancestry and Comparer. A value is held
//
//   - because somebody has undone our commit: the value in Git is again the one that a recorded run replaced, and that
//     run's commit is in the history of the branch, or the branch was rewound past it. It is written when the policy
//     moves past what was undone, or after a release by an operator.
//   - because it is older than the one in Git, by the order of its policy, and nobody is known to have meant that: the
//     policy's spec has not changed since our last write, no operator holds the policy at that image, and the automation
//     does not say `allowDowngrade`.
//   - because nobody could say which of the two is older. The next run asks again.
//   - because it is the name or the digest beside a tag that is held.
//
// A place is a file's path, a document in it and a node in that; a file that is copied is another place, and no revert.
package guard

import (
	"context"
	"time"

	"google.golang.org/grpc"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/marker"
)

// Place is one marked value of a repository.
type Place struct {
	// Path of the file, with slashes.
	Path string
	// Document of the file, from 0.
	Document int
	// Node is the way to the value from the document's root; see marker.Marker.
	Node string
}

// recorded is the place as a record keeps it.
func (p Place) recorded() Place {
	p.Path, p.Node = Recorded(p.Path), Recorded(p.Node)
	return p
}

// Policy is what is known of the policy behind an edit.
type Policy struct {
	Key object.Key
	// Generation of its spec. Zero: not known; then no change of the spec is seen.
	Generation int64
	// Image that it chose.
	Image marker.Image
	// Held says that an operator holds the policy at this image.
	Held bool
}

// Edit is one value that would be written.
type Edit struct {
	Place
	// Line of the value, from 1.
	Line int
	// Ref is what the marker says.
	Ref marker.Ref
	// Old is the value that stands, New the one that the policy says.
	Old, New string
	Policy   Policy
}

// Write is one value that a finished run pushed.
type Write struct {
	RunID string
	// Commit is the run's, Base the one that it was built on.
	Commit, Base string
	// Branch that was pushed to.
	Branch string
	// URL of the remote. Empty: recorded by a version that did not say; any.
	URL   string
	Ended time.Time
	// Old and New are the values before and after; see Recorded.
	Old, New string
	// PolicyGeneration of the policy that chose. Zero: not known.
	PolicyGeneration int64
}

// History is what finished runs wrote and refused. Places are as Recorded leaves them.
type History interface {
	// Writes returns what was written at the place, the last first.
	Writes(p Place) []Write
	// Refused returns the generation of the policy at the oldest recorded run since the last write at the place that held
	// it as a downgrade. Not ok: there is none.
	Refused(p Place) (generation int64, ok bool)
}

// Ancestry tells where our commits are.
type Ancestry interface {
	// Contains says whether the commit is the tip that is edited, or among its ancestors.
	Contains(ctx context.Context, commit string) (bool, error)
	// RewoundPast says whether the branch that is pushed to is there, and its tip is w.Base or an ancestor of it.
	RewoundPast(ctx context.Context, w Write) (bool, error)
}

// Comparer is the resolver: resolverv1.ResolutionServiceClient.
type Comparer interface {
	CompareTags(ctx context.Context, in *resolverv1.CompareTagsRequest, opts ...grpc.CallOption) (*resolverv1.CompareTagsResponse, error)
}

// Question is the edits of one automation on one tip.
type Question struct {
	// Automation is named in the sentences. The zero value: they say NAME.
	Automation object.Key
	Edits      []Edit
	// Branch is pushed to; URL is the remote's. Writes elsewhere do not count.
	Branch, URL string
	// AllowDowngrade is the automation's.
	AllowDowngrade bool
	// Released is when an operator released what was undone before. Zero: never.
	Released time.Time
	History  History
	Ancestry Ancestry
}

// Guard judges edits. It is safe for concurrent use.
type Guard struct {
	comparer Comparer
}

// New makes a guard that asks the comparer which of two tags is older.
func New(c Comparer) *Guard { return &Guard{comparer: c} }
