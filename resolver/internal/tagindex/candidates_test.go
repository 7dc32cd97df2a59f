// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

// TestCandidatesAreTheAnswersOneAfterTheOther: taking the best away gives the next one, down to none.
func TestCandidatesAreTheAnswersOneAfterTheOther(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 11))
		h := history{random: random, index: New(), tags: map[string]policy.Tag{}, pool: 20 + random.IntN(150)}
		for range 6 {
			h.step()
		}
		p := compile(t, randomSpec(random))
		set, err := prepare(t, h.index, p).Ranked(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		left := slices.Collect(h.index.Snapshot().Tags())
		n := 0
		for e := range p.Candidates(set) {
			want, err := policy.Evaluate(t.Context(), p, left)
			if err != nil || e.Tag != want.Tag {
				t.Fatalf("candidate %d is %s; want %s, %v", n, e.Tag, want.Tag, err)
			}
			left = slices.DeleteFunc(left, func(tag policy.Tag) bool { return tag.Name == e.Tag })
			n++
		}
		if _, err := policy.Evaluate(t.Context(), p, left); !errors.Is(err, policy.ErrNoneEligible) && !errors.Is(err, policy.ErrNoTags) {
			t.Errorf("after %d candidates there is another one: %v", n, err)
		}
		if eligible := p.Eligible(set); eligible != n {
			t.Errorf("%d candidates, and %d are eligible", n, eligible)
		}
	}
}

func TestRankedNeedsNoView(t *testing.T) {
	x := New()
	x.Apply(Delta{Revision: 1, Whole: true, Added: policy.TagsOf([]string{"1.0.0", "2.0.0", "none"})})
	p := compile(t, policy.Spec{SemVer: &policy.SemVer{Range: "*"}})
	set, err := x.Snapshot().Ranked(t.Context(), p)
	if err != nil || set.Considered() != 3 || p.Eligible(set) != 2 {
		t.Errorf("got %v, %v", set, err)
	}
}
