// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"time"
)

// Tag is one tag of an image repository.
type Tag struct {
	// Name is the tag, at most 128 bytes: whoever takes tags from outside checks that.
	Name string
	// FirstSeen is when a scan first saw the tag. Zero, if not Initial: older than every other tag that is not.
	FirstSeen time.Time
	// Initial says that the tag was there at the first scan, so that FirstSeen tells nothing: it counts as older than every
	// tag that is not, and as old as the others of the first scan.
	Initial bool
}

// Equal reports whether both are the same tag with the same facts.
func (t Tag) Equal(o Tag) bool {
	return t.Name == o.Name && t.Initial == o.Initial && t.FirstSeen.Equal(o.FirstSeen)
}

// TagsOf makes tags of bare names: of no known time, each name once, in byte order.
func TagsOf(names []string) []Tag {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	tags := make([]Tag, len(names))
	for i, name := range names {
		tags[i] = Tag{Name: name, Initial: true}
	}
	return tags
}

// Spec is a policy as a person wrote it. At most one of the first four is set; none means Latest.
type Spec struct {
	SemVer       *SemVer
	Alphabetical *Alphabetical
	Numerical    *Numerical
	Latest       *Latest
	// Filter says which tags are looked at and which part of them is ordered. Nil: all, whole.
	Filter *Filter
}

// SemVer picks the highest version in a range. Tags that are no three-part version are skipped.
type SemVer struct {
	// Range is in Masterminds' notation: `7.8.x`, `>=1.0.0 <2.0.0`, `^1.x-0`. Required, at most 512 bytes and 32
	// alternatives.
	Range string
}

// Alphabetical picks by byte order.
type Alphabetical struct {
	Order Order
}

// Numerical picks by decimal number, exact at any length. Tags that are no decimal number are skipped.
type Numerical struct {
	Order Order
}

// Latest picks the most recent tag; among those of one time the highest version, any version before what is none; then the
// byte-largest. The times that the index knows are those of the first sight, those of the first scan being one: Pick and
// Evaluate go by them whatever By says. Who knows other times orders with SortRecent.
type Latest struct {
	By Recency
}

// Recency is the time that makes a tag recent.
type Recency int

const (
	// ByPushed is the default: the push where it is told, else the first sight.
	ByPushed Recency = iota
	// ByFirstSeen is when a scan saw the tag first.
	ByFirstSeen
	// ByCreated is when the image says that it was made.
	ByCreated
)

// Filter leaves tags out, and says which part of the others is ordered.
type Filter struct {
	// Pattern is RE2, unanchored, at most 1024 bytes. Empty: every tag passes.
	Pattern string
	// Extract is a template of the pattern's groups (`$1`, `$name`, `${name}`, `$0`, and `$$` for a dollar), at most 256
	// bytes: what it expands to is ordered, the tag itself is answered. Empty: the tag itself is ordered. Needs a pattern.
	Extract string
}

// Order says which end of an order is the best.
type Order int

const (
	// Ascending is the default: the largest is the best.
	Ascending Order = iota
	// Descending means that the smallest is the best.
	Descending
)
