// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"strings"
)

// Place is what a policy makes of one tag for itself, before tags are held against one another.
type Place int

const (
	// Eligible tags can be the answer.
	Eligible Place = iota
	// Filtered tags are not matched by the filter's pattern.
	Filtered
	// Unparsable tags have a text that is no version, or no number.
	Unparsable
	// OutOfRange tags are versions, but not in the range.
	OutOfRange
)

// Standing is one tag as a policy sees it.
type Standing struct {
	// Tag is its name.
	Tag string
	// Place is what becomes of it.
	Place Place
	rank  string // empty unless it can be ordered
}

// Placeable says that the tag has a place in the policy's order, be it in range or not.
func (s Standing) Placeable() bool { return s.Place == Eligible || s.Place == OutOfRange }

// Standing says how the policy sees a tag, which need not be of any set.
func (p *Policy) Standing(tag Tag) Standing {
	entry, matched := p.ranking.Entry(tag)
	s := Standing{Tag: tag.Name}
	switch {
	case !matched:
		s.Place = Filtered
		return s
	case entry.Key[0] == classUnparsable:
		s.Place = Unparsable
		return s
	case !contains(p.spans, []byte(entry.Key)):
		s.Place = OutOfRange
	}
	s.rank = entry.Key[1:]
	return s
}

// Text is what is ordered of a tag: what the filter extracts, or the tag. Empty if the filter leaves it out.
func (p *Policy) Text(tag string) string {
	if p.ranking.filter == nil {
		return tag
	}
	text, ok := p.ranking.filter.apply(tag)
	if !ok {
		return ""
	}
	return text
}

// CompareRanks holds what is ordered of two placeable tags against each other: positive if a is the better one.
func (p *Policy) CompareRanks(a, b Standing) int {
	order := strings.Compare(a.rank, b.rank)
	if p.order == Descending {
		return -order
	}
	return order
}

// Compare is the order in which the policy prefers placeable tags: positive if a is the better one. Where what is ordered
// is equal the tags' bytes decide, so that zero means one and the same tag.
func (p *Policy) Compare(a, b Standing) int {
	return cmp.Or(p.CompareRanks(a, b), strings.Compare(a.Tag, b.Tag))
}

// Version names the version that a tag stands for, so that images can be asked whether they have the same: by a numerical
// policy the number; else the version, however it is written, or where it is none the text that is ordered. False: the
// policy leaves the tag out, or cannot read it.
func (p *Policy) Version(tag string) (string, bool) {
	if standing := p.Standing(Tag{Name: tag, Initial: true}); !standing.Placeable() {
		return "", false
	}
	text := p.Text(tag)
	if p.ranking.id.by == byNumber {
		d, ok := parseDecimal(text)
		return string(d.appendRank([]byte("number:"))), ok
	}
	if v, ok := parseVersion(text); ok {
		return string(v.appendRank([]byte("version:"))), true
	}
	return "text:" + text, true
}
