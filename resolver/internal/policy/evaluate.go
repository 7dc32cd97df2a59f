// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

const (
	// maxExamples bounds Result.Unparsable.
	maxExamples = 5
	// checkEvery is how many tags are looked at before the context is. The worst pattern that compiles takes about a
	// millisecond for a tag, a usual one a quarter of a microsecond.
	checkEvery = 64
)

// Result is a policy's answer over one set of tags, and how it came about. Considered = Filtered + Unparsed + OutOfRange +
// eligible ones.
type Result struct {
	// Tag is the best tag, as the registry spells it. Empty if there is an error.
	Tag string
	// Considered is the number of tags that were looked at.
	Considered int
	// Rejected is the number of them that were not eligible: Filtered + Unparsed + OutOfRange.
	Rejected int
	// Filtered is the number that the filter's pattern does not match.
	Filtered int
	// Unparsed is the number of the others that are no version, or no number.
	Unparsed int
	// OutOfRange is the number of the others that are not in the policy's range.
	OutOfRange int
	// Unparsable has the first of the unparsed tags in byte order, at most five.
	Unparsable []string
}

// Evaluate answers the policy by looking at every tag once. Doubles are counted as often as they are there; the order of
// the tags does not matter. The error is ErrNoTags or ErrNoneEligible, and the result's counts are right then; or the
// context's, and nothing is.
func Evaluate(ctx context.Context, p *Policy, tags []Tag) (Result, error) {
	result := Result{Considered: len(tags)}
	best := candidate{}
	var key []byte
	for i, tag := range tags {
		if err := checkAt(ctx, i); err != nil {
			return Result{}, err
		}
		var matched bool
		key, matched = p.ranking.appendKey(key[:0], tag)
		switch {
		case !matched:
			result.Filtered++
		case key[0] == classUnparsable:
			result.Unparsed++
			result.addExample(tag.Name)
		case !contains(p.spans, key):
			result.OutOfRange++
		case p.better(key, tag.Name, best):
			best.key, best.tag, best.found = append(best.key[:0], key...), tag.Name, true
		}
	}
	return result.conclude(best.tag, best.found)
}

// checkAt looks at the context once in a while.
func checkAt(ctx context.Context, i int) error {
	if i%checkEvery == 0 && ctx.Err() != nil {
		return fmt.Errorf("evaluating tags: %w", context.Cause(ctx))
	}
	return nil
}

// candidate is the best tag so far.
type candidate struct {
	key   []byte
	tag   string
	found bool
}

// better compares ranks, that is keys without their class, then tags.
func (p *Policy) better(key []byte, tag string, than candidate) bool {
	if !than.found {
		return true
	}
	order := bytes.Compare(key[1:], than.key[1:])
	if p.order == Descending {
		order = -order
	}
	return order > 0 || order == 0 && tag > than.tag
}

// addExample keeps the smallest few.
func (r *Result) addExample(tag string) {
	i, _ := slices.BinarySearch(r.Unparsable, tag)
	if i == maxExamples {
		return
	}
	r.Unparsable = slices.Insert(r.Unparsable, i, tag)
	r.Unparsable = r.Unparsable[:min(len(r.Unparsable), maxExamples)]
}

// conclude fills in what follows from the counts.
func (r Result) conclude(tag string, found bool) (Result, error) {
	r.Rejected = r.Filtered + r.Unparsed + r.OutOfRange
	switch {
	case r.Filtered == r.Considered:
		return r, ErrNoTags
	case !found:
		return r, ErrNoneEligible
	}
	r.Tag = tag
	return r, nil
}
