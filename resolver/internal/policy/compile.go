// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "fmt"

// Policy is a compiled Spec. It is immutable and safe for concurrent use.
type Policy struct {
	ranking *Ranking
	order   Order
	recency Recency
	// spans are the keys that are eligible: sorted and disjoint, never empty of bounds.
	spans []span
}

// Ranking returns how the policy encodes tags. Policies that differ in range or sort order alone share its ID.
func (p *Policy) Ranking() *Ranking { return p.ranking }

// Recent says by which time the policy orders; false: by none, but by what the tags say.
func (p *Policy) Recent() (Recency, bool) { return p.recency, p.ranking.id.by == byTime }

// Pattern is the filter's pattern; empty: every tag passes.
func (p *Policy) Pattern() string { return p.ranking.id.pattern }

// Compile checks a spec and makes it ready for use. The error is a *FieldError.
func Compile(s Spec) (*Policy, error) {
	if s.choices() > 1 {
		return nil, &FieldError{
			Field:  "policy",
			Reason: "only one of semver, alphabetical, numerical and latest can be set",
		}
	}
	p, err := compileChoice(s)
	if err != nil {
		return nil, err
	}
	if s.Filter != nil {
		if p.ranking.filter, err = compileFilter(*s.Filter); err != nil {
			return nil, err
		}
		p.ranking.id.pattern, p.ranking.id.extract = s.Filter.Pattern, s.Filter.Extract
	}
	return p, nil
}

func (s Spec) choices() int {
	n := 0
	for _, set := range []bool{s.SemVer != nil, s.Alphabetical != nil, s.Numerical != nil, s.Latest != nil} {
		if set {
			n++
		}
	}
	return n
}

func compileChoice(s Spec) (*Policy, error) {
	switch {
	case s.SemVer != nil:
		spans, err := compileRange(s.SemVer.Range)
		if err != nil {
			return nil, &FieldError{Field: "policy.semver.range", Reason: err.Error()}
		}
		return newPolicy(bySemVer, Ascending, spans), nil
	case s.Alphabetical != nil:
		return compileOrdered(byBytes, s.Alphabetical.Order, "policy.alphabetical.order")
	case s.Numerical != nil:
		return compileOrdered(byNumber, s.Numerical.Order, "policy.numerical.order")
	default:
		return compileLatest(s.Latest)
	}
}

func compileLatest(latest *Latest) (*Policy, error) {
	p := newPolicy(byTime, Ascending, everything())
	if latest != nil {
		p.recency = latest.By
	}
	if p.recency < ByPushed || p.recency > ByCreated {
		return nil, &FieldError{Field: "policy.latest.by", Reason: fmt.Sprintf("unknown time %d", p.recency)}
	}
	return p, nil
}

func compileOrdered(by ordering, order Order, field string) (*Policy, error) {
	if order != Ascending && order != Descending {
		return nil, &FieldError{Field: field, Reason: fmt.Sprintf("unknown order %d", order)}
	}
	return newPolicy(by, order, everything()), nil
}

func newPolicy(by ordering, order Order, spans []span) *Policy {
	return &Policy{ranking: &Ranking{id: RankingID{by: by}}, order: order, spans: spans}
}
