// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package selection

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

// The ranks of moments, later ones higher.
const (
	rankUntold = iota
	rankClaimed
	rankKnown
)

// ordered puts the candidates in the order of times that have to be asked for, the latest first.
func (s *Selector) ordered(
	ctx context.Context, r Request, by policy.Recency, candidates iter.Seq[policy.Entry],
) (iter.Seq[policy.Entry], error) {
	entries := slices.Collect(candidates)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Tag
	}
	moments := map[string]policy.Moment{}
	var err error
	if by == policy.ByPushed {
		err = s.byPush(ctx, r, names, moments)
	} else {
		err = s.byCreation(ctx, r, names, moments)
	}
	if err != nil {
		return nil, err
	}
	policy.SortRecent(entries, func(tag string) policy.Moment { return moments[tag] })
	return slices.Values(entries), nil
}

// byPush finds the pushes, else the first sights, else, of the first scan, what the images claim. With one candidate there is
// nothing to order.
func (s *Selector) byPush(ctx context.Context, r Request, names []string, moments map[string]policy.Moment) error {
	if len(names) < 2 {
		return nil
	}
	found, err := s.facts.All(ctx, r.Subject, r.Policy.Pattern(), names, facts.Pushed, orderAge)
	if err != nil {
		return &InspectError{err: err}
	}
	var untold []string
	for i, fact := range found {
		tag, _ := r.Snapshot.Tag(names[i])
		switch {
		case !fact.Pushed.IsZero():
			moments[tag.Name] = policy.Moment{Rank: rankKnown, Time: fact.Pushed}
		case fact.Problem != "" && s.facts.ToldPushes(r.Subject.UID):
			return &InspectError{Tag: tag.Name, err: errors.New(fact.Problem)}
		case !tag.Initial:
			moments[tag.Name] = policy.Moment{Rank: rankKnown, Time: tag.FirstSeen}
		default:
			untold = append(untold, tag.Name)
		}
	}
	if len(untold) < 2 || len(untold) < len(names) && !r.Requirements.Any() {
		return nil // they are the oldest: their order does not matter
	}
	return s.byCreation(ctx, r, untold, moments)
}

// byCreation finds when images say that they were made. Of those that make no claim it is not known.
func (s *Selector) byCreation(ctx context.Context, r Request, names []string, moments map[string]policy.Moment) error {
	if len(names) < 2 {
		return nil
	}
	found, err := s.facts.All(ctx, r.Subject, r.Policy.Pattern(), names, facts.Created, orderAge)
	if err != nil {
		return &InspectError{err: err}
	}
	for i, fact := range found {
		switch {
		case !fact.Created.IsZero():
			moments[names[i]] = policy.Moment{Rank: rankClaimed, Time: fact.Created}
		case fact.Problem != "":
			return &InspectError{Tag: names[i], err: errors.New(fact.Problem)}
		}
	}
	return nil
}
