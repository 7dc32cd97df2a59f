// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

// checkEvery is how many tags are looked at before the context is.
const checkEvery = 64

// Decision is what was selected where more counts than a look at the names: age, platforms, labels, times that no index
// knows.
type Decision struct {
	// Selected is the answer's tag; empty: none.
	Selected string
	// Examined are the candidates that were looked at in vain.
	Examined map[string]Finding
	// Order are the candidates, the best first, where the times that order them had to be asked for. Empty: the policy's
	// own order.
	Order []string
	// All says that every candidate could have been the answer: there was nothing to examine.
	All bool
}

// Finding is why a candidate was not selected.
type Finding struct {
	Verdict resolverv1.Verdict
	// Reason is a sentence.
	Reason string
}

// Input is what is to be explained.
type Input struct {
	// Policy is the compiled policy of Request, whose words the sentences use.
	Policy  *policy.Policy
	Request *resolverv1.ResolveRequest
	// Tags are the tags that the policy looks at, each once, in byte order.
	Tags iter.Seq[policy.Tag]
	// Excluded are tags that it does not look at; nil: none. Those that Tags has too are dropped.
	Excluded []string
	// Decision is what was selected; nil: the best of the eligible tags.
	Decision *Decision
}

// Explanation is the verdicts over one set of tags. It is immutable.
type Explanation struct {
	words              words
	lines              []line
	considered, reject int
}

// line is a tag and its verdict. The sentence is made when it is asked for, unless an Examiner has said it.
type line struct {
	tag     string
	verdict resolverv1.Verdict
	reason  string
	// equal: what is ordered is equal to the selected tag's.
	equal bool
}

// Of explains. The error is the context's.
func Of(ctx context.Context, in Input) (*Explanation, error) {
	s := sorting{input: in, known: map[string]struct{}{}}
	if err := s.place(ctx); err != nil {
		return nil, err
	}
	s.sort()
	s.choose()
	rejected := len(s.rest) - s.unknown
	s.addExcluded()
	slices.SortFunc(s.rest, func(a, b line) int { return strings.Compare(a.tag, b.tag) })
	e := &Explanation{lines: append(s.best, s.rest...), considered: s.considered, reject: rejected}
	e.words = newWords(in, e)
	return e, nil
}

// Considered is the number of tags that were looked at; excluded ones are not.
func (e *Explanation) Considered() int { return e.considered }

// Rejected is the number of them that could not be the answer.
func (e *Explanation) Rejected() int { return e.reject }

// Len is the number of verdicts.
func (e *Explanation) Len() int { return len(e.lines) }

// Selected is the answer's tag; empty: there is none.
func (e *Explanation) Selected() string {
	if len(e.lines) > 0 && e.lines[0].verdict == resolverv1.Verdict_VERDICT_SELECTED {
		return e.lines[0].tag
	}
	return ""
}

// Page returns the verdicts from one place on, at most size of them.
func (e *Explanation) Page(from, size int) []*resolverv1.TagVerdict {
	from = min(max(from, 0), len(e.lines))
	page := e.lines[from:min(from+size, len(e.lines))]
	verdicts := make([]*resolverv1.TagVerdict, len(page))
	for i, l := range page {
		verdicts[i] = &resolverv1.TagVerdict{Tag: l.tag, Verdict: l.verdict, Reason: e.words.reason(l)}
	}
	return verdicts
}

// sorting is an explanation in the making.
type sorting struct {
	input      Input
	considered int
	known      map[string]struct{} // filled where there are excluded tags
	eligible   []candidate
	best, rest []line
	unknown    int
}

type candidate struct {
	standing policy.Standing
	place    int // in the decision's order, from 1; zero: it is not in it
}

// place asks the policy where each tag stands.
func (s *sorting) place(ctx context.Context) error {
	for tag := range s.input.Tags {
		if s.considered%checkEvery == 0 && ctx.Err() != nil {
			return fmt.Errorf("explaining tags: %w", context.Cause(ctx))
		}
		s.considered++
		if len(s.input.Excluded) > 0 {
			s.known[tag.Name] = struct{}{}
		}
		standing := s.input.Policy.Standing(tag)
		if standing.Place == policy.Eligible {
			s.eligible = append(s.eligible, candidate{standing: standing})
		} else {
			s.rest = append(s.rest, line{tag: tag.Name, verdict: verdictOf(standing.Place)})
		}
	}
	return nil
}

func verdictOf(place policy.Place) resolverv1.Verdict {
	switch place {
	case policy.Filtered:
		return resolverv1.Verdict_VERDICT_FILTERED
	case policy.Unparsable:
		return resolverv1.Verdict_VERDICT_UNPARSABLE
	case policy.OutOfRange:
		return resolverv1.Verdict_VERDICT_OUT_OF_RANGE
	case policy.Eligible:
	}
	return resolverv1.Verdict_VERDICT_ELIGIBLE
}

// sort puts the candidates in order, the best first.
func (s *sorting) sort() {
	if d := s.input.Decision; d != nil && len(d.Order) > 0 {
		places := make(map[string]int, len(d.Order))
		for i, tag := range d.Order {
			places[tag] = i + 1
		}
		for i := range s.eligible {
			s.eligible[i].place = places[s.eligible[i].standing.Tag]
		}
	}
	slices.SortFunc(s.eligible, func(a, b candidate) int {
		if a.place != b.place && a.place > 0 && b.place > 0 {
			return a.place - b.place
		}
		return s.input.Policy.Compare(b.standing, a.standing)
	})
}

// choose says of each candidate what became of it.
func (s *sorting) choose() {
	d := s.input.Decision
	if d == nil {
		d = &Decision{All: true}
		if len(s.eligible) > 0 {
			d.Selected = s.eligible[0].standing.Tag
		}
	}
	passed := resolverv1.Verdict_VERDICT_UNEXAMINED
	if d.All {
		passed = resolverv1.Verdict_VERDICT_ELIGIBLE
	}
	var selected policy.Standing
	if i := slices.IndexFunc(s.eligible, func(c candidate) bool { return c.standing.Tag == d.Selected }); i >= 0 {
		selected = s.eligible[i].standing
		s.best = append(s.best, line{tag: d.Selected, verdict: resolverv1.Verdict_VERDICT_SELECTED})
	}
	for _, c := range s.eligible {
		finding, examined := d.Examined[c.standing.Tag]
		switch {
		case c.standing.Tag == selected.Tag:
		case examined:
			s.rest = append(s.rest, line{tag: c.standing.Tag, verdict: finding.Verdict, reason: finding.Reason})
			if finding.Verdict == resolverv1.Verdict_VERDICT_UNKNOWN {
				s.unknown++
			}
		default:
			equal := selected.Tag != "" && len(d.Order) == 0 && s.input.Policy.CompareRanks(c.standing, selected) == 0
			s.best = append(s.best, line{tag: c.standing.Tag, verdict: passed, equal: equal})
		}
	}
}

func (s *sorting) addExcluded() {
	for _, tag := range s.input.Excluded {
		if _, looked := s.known[tag]; !looked {
			s.rest = append(s.rest, line{tag: tag, verdict: resolverv1.Verdict_VERDICT_EXCLUDED})
		}
	}
}
