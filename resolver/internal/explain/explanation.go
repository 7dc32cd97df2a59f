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

// Examiner looks at what costs more than a look at the name: age, platforms, labels.
type Examiner interface {
	// Examine returns VERDICT_UNSPECIFIED for a tag that passes, else what it fails by, with a sentence. An error ends the
	// whole explanation.
	Examine(ctx context.Context, tag policy.Tag) (verdict resolverv1.Verdict, reason string, err error)
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
	// Examiner examines candidates; nil: each passes.
	Examiner Examiner
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

// Of explains. Errors: the context's, the Examiner's.
func Of(ctx context.Context, in Input) (*Explanation, error) {
	s := sorting{input: in, known: map[string]struct{}{}}
	if err := s.place(ctx); err != nil {
		return nil, err
	}
	slices.SortFunc(s.eligible, func(a, b candidate) int { return in.Policy.Compare(b.standing, a.standing) })
	if err := s.choose(ctx); err != nil {
		return nil, err
	}
	rejected := len(s.rest)
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
}

type candidate struct {
	tag      policy.Tag
	standing policy.Standing
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
			s.eligible = append(s.eligible, candidate{tag: tag, standing: standing})
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

// choose has the candidates examined, the best first, until one passes.
func (s *sorting) choose(ctx context.Context) error {
	after := resolverv1.Verdict_VERDICT_ELIGIBLE
	if s.input.Examiner != nil {
		after = resolverv1.Verdict_VERDICT_UNEXAMINED
	}
	var selected policy.Standing
	for _, c := range s.eligible {
		l := line{tag: c.tag.Name, verdict: after}
		if len(s.best) == 0 {
			if err := s.examine(ctx, c, &l); err != nil {
				return err
			}
			if l.verdict != resolverv1.Verdict_VERDICT_SELECTED {
				s.rest = append(s.rest, l)
				continue
			}
			selected = c.standing
		}
		l.equal = s.input.Policy.CompareRanks(c.standing, selected) == 0
		s.best = append(s.best, l)
	}
	return nil
}

func (s *sorting) examine(ctx context.Context, c candidate, l *line) (err error) {
	l.verdict = resolverv1.Verdict_VERDICT_SELECTED
	if s.input.Examiner == nil {
		return nil
	}
	verdict, reason, err := s.input.Examiner.Examine(ctx, c.tag)
	if err != nil {
		return fmt.Errorf("examining %s: %w", c.tag.Name, err)
	}
	if verdict != resolverv1.Verdict_VERDICT_UNSPECIFIED {
		l.verdict, l.reason = verdict, reason
	}
	return nil
}

func (s *sorting) addExcluded() {
	for _, tag := range s.input.Excluded {
		if _, looked := s.known[tag]; !looked {
			s.rest = append(s.rest, line{tag: tag, verdict: resolverv1.Verdict_VERDICT_EXCLUDED})
		}
	}
}
