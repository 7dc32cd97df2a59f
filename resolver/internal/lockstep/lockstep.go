// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package lockstep finds the newest thing that several images have in common, a version or the value of a label, so that
// they can move together. It knows policies and their tags, and neither where tags come from nor what a label is: a Member
// says of each of its tags what has to be the same.
package lockstep

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

const (
	// maxTried bounds how many keys that all have are tried until one passes.
	maxTried   = 100
	checkEvery = 256
)

// Option is a tag that a member could move to.
type Option struct {
	Tag policy.Tag
	// Key is what has to be the same for all.
	Key string
}

// Member is one of the images.
type Member struct {
	Policy *policy.Policy
	// Options are the member's eligible tags, in any order. It can be gone through again.
	Options iter.Seq[Option]
}

// Pass selects of a member's tags, the best first and all of one key, the one to move to; empty: none is good enough.
type Pass func(ctx context.Context, member int, tags []policy.Tag) (string, error)

// MissingError says that the members have nothing in common.
type MissingError struct {
	// Newest are the members' newest tags; empty: it has none.
	Newest []string
	// Missing are the members that do not have what the first one's newest is. None: all have it, and did not take it.
	Missing []int
}

// Error is a sentence for a log; who knows the members' names has better ones.
func (e *MissingError) Error() string {
	return fmt.Sprintf("the members %v do not have what the newest of the first is", e.Missing)
}

// Newest returns a tag for each member, all of one key: the newest by the first member's policy that all have and pass
// takes. Errors: a *MissingError, pass's, the context's. It holds the first member's keys in memory, and of the others what
// is in common with those.
func Newest(ctx context.Context, members []Member, pass Pass) ([]string, error) {
	keys, err := common(ctx, members)
	if err != nil {
		return nil, err
	}
	keys = keys[:min(len(keys), maxTried)]
	tags := make([]map[string][]policy.Tag, len(members))
	for i, m := range members {
		if tags[i], err = m.tagsOf(ctx, keys); err != nil {
			return nil, err
		}
	}
	for _, key := range keys {
		chosen := make([]string, len(members))
		all := true
		for i := 0; i < len(members) && all; i++ {
			if chosen[i], err = pass(ctx, i, tags[i][key]); err != nil {
				return nil, fmt.Errorf("moving together: %w", err)
			}
			all = chosen[i] != ""
		}
		if all {
			return chosen, nil
		}
	}
	return nil, missing(members)
}

// common are the keys that all members have, the first member's best first.
func common(ctx context.Context, members []Member) ([]string, error) {
	best := map[string]policy.Standing{}
	first := members[0].Policy
	if err := members[0].each(ctx, func(o Option) {
		standing := first.Standing(o.Tag)
		if known, ok := best[o.Key]; !ok || first.Compare(standing, known) > 0 {
			best[o.Key] = standing
		}
	}); err != nil {
		return nil, err
	}
	for _, m := range members[1:] {
		has := map[string]policy.Standing{}
		if err := m.each(ctx, func(o Option) {
			if standing, ok := best[o.Key]; ok {
				has[o.Key] = standing
			}
		}); err != nil {
			return nil, err
		}
		best = has
	}
	keys := make([]string, 0, len(best))
	for key := range best {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(first.Compare(best[b], best[a]), cmp.Compare(a, b)) })
	return keys, nil
}

func (m Member) each(ctx context.Context, f func(Option)) error {
	i := 0
	for o := range m.Options {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return fmt.Errorf("comparing tags: %w", context.Cause(ctx))
		}
		i++
		f(o)
	}
	return nil
}

// tagsOf are the member's tags of each key, the best first.
func (m Member) tagsOf(ctx context.Context, keys []string) (map[string][]policy.Tag, error) {
	tags := make(map[string][]policy.Tag, len(keys))
	for _, key := range keys {
		tags[key] = nil
	}
	err := m.each(ctx, func(o Option) {
		if of, wanted := tags[o.Key]; wanted {
			tags[o.Key] = append(of, o.Tag)
		}
	})
	for _, of := range tags {
		slices.SortFunc(of, func(a, b policy.Tag) int { return m.Policy.Compare(m.Policy.Standing(b), m.Policy.Standing(a)) })
	}
	return tags, err
}

// missing says who lacks what the first one's newest is.
func missing(members []Member) *MissingError {
	e := &MissingError{Newest: make([]string, len(members))}
	key := ""
	for i, m := range members {
		var newest Option
		for o := range m.Options {
			if newest.Tag.Name == "" || m.Policy.Compare(m.Policy.Standing(o.Tag), m.Policy.Standing(newest.Tag)) > 0 {
				newest = o
			}
		}
		if e.Newest[i] = newest.Tag.Name; i == 0 {
			key = newest.Key
		}
	}
	for i, m := range members[1:] {
		has := false
		for o := range m.Options {
			if has = o.Key == key; has {
				break
			}
		}
		if !has {
			e.Missing = append(e.Missing, i+1)
		}
	}
	return e
}
