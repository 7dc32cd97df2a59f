// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

// TestTheIndexAnswersWhatAFullEvaluationDoes is the law of this package: for random histories of tags and random policies,
// at every step.
func TestTheIndexAnswersWhatAFullEvaluationDoes(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 7))
		h := history{random: random, index: New(), tags: map[string]policy.Tag{}, pool: 20 + random.IntN(20)*random.IntN(60)}
		var policies []*policy.Policy
		for range 12 {
			p := compile(t, randomSpec(random))
			policies = append(policies, p)
			if random.IntN(2) == 0 {
				defer acquire(t, h.index, p)()
			}
		}
		for range 25 {
			h.step()
			for _, p := range policies {
				h.check(t, p)
			}
		}
	}
}

// history is an index beside a plain map.
type history struct {
	random   *rand.Rand
	index    *Index
	tags     map[string]policy.Tag
	revision int64
	pool     int // of names: the smaller, the more comes again
}

// step applies a few changes, seldom many, and seldom the whole set.
func (h *history) step() {
	h.revision++
	d := Delta{Revision: h.revision, Whole: h.random.IntN(10) == 0}
	changes := 1 + h.random.IntN(4)
	if h.random.IntN(5) == 0 {
		changes = h.random.IntN(h.pool)
	}
	if d.Whole {
		clear(h.tags)
	}
	for range changes {
		d.Added = append(d.Added, h.randomTag())
		if h.random.IntN(2) == 0 {
			d.Removed = append(d.Removed, h.randomTag().Name)
		}
	}
	for _, name := range d.Removed {
		delete(h.tags, name)
	}
	for _, tag := range d.Added {
		h.tags[tag.Name] = tag
	}
	h.index.Apply(d)
}

func (h *history) check(t *testing.T, p *policy.Policy) {
	t.Helper()
	s := h.index.Snapshot()
	if h.random.IntN(2) == 0 {
		s = prepare(t, h.index, p)
	}
	tags := make([]policy.Tag, 0, len(h.tags))
	for _, tag := range h.tags {
		tags = append(tags, tag)
	}
	got, gotErr := s.Evaluate(t.Context(), p)
	want, wantErr := policy.Evaluate(t.Context(), p, tags)
	if !reflect.DeepEqual(got, want) || gotErr != wantErr { //nolint:errorlint // the very sentinel
		t.Fatalf("revision %d, policy %+v:\ngot  %+v, %v\nwant %+v, %v", s.Revision(), p, got, gotErr, want, wantErr)
	}
}

func (h *history) randomTag() policy.Tag {
	r := h.random
	n := r.IntN(h.pool)
	tag := policy.Tag{FirstSeen: time.Unix(int64(r.IntN(50)), int64(r.IntN(2))), Initial: r.IntN(4) == 0}
	// The name follows from the number alone, so that tags come again.
	a, b, c := n%3, n/3%7, n/21%5
	switch n % 9 {
	case 0:
		tag.Name = fmt.Sprintf("v%d.%d.%d", a, b, c)
	case 1, 2:
		tag.Name = fmt.Sprintf("%d.%d.%d-%s", a, b, c, []string{"0", "rc.1", "rc.2", "alpha"}[n%4])
	case 3:
		tag.Name = fmt.Sprintf("main-%x-%d", n*7919, n%100)
	case 4:
		tag.Name = fmt.Sprintf("%d.%d", b, c)
	case 5:
		tag.Name = fmt.Sprintf("build-%d", n)
	case 6:
		tag.Name = []string{"latest", "main", "edge", "NaN"}[n%4] + fmt.Sprint(n%2)
	default:
		tag.Name = fmt.Sprintf("%d.%d.%d", a, b, c)
	}
	return tag
}

func randomSpec(r *rand.Rand) policy.Spec {
	var s policy.Spec
	order := policy.Order(r.IntN(2))
	switch r.IntN(5) {
	case 0, 1:
		ranges := []string{"*", "1.x", ">=1.0.0-0", "~1.2", "<1 || >2.1.0-rc.1", "!=1", "!=1.3.x", ">1.1 <2.4-0 || 0.x", ">9"}
		s.SemVer = &policy.SemVer{Range: ranges[r.IntN(len(ranges))]}
	case 2:
		s.Alphabetical = &policy.Alphabetical{Order: order}
	case 3:
		s.Numerical = &policy.Numerical{Order: order}
	default:
		s.Latest = &policy.Latest{}
	}
	filters := []*policy.Filter{
		nil, nil,
		{Pattern: `^main-[a-f0-9]+-(?P<ts>\d+)$`, Extract: "$ts"},
		{Pattern: `^v?(\d+)\.(\d+)`, Extract: "$2"},
		{Pattern: `^v(.*)$`, Extract: "$1"},
		{Pattern: `-rc`},
		{Pattern: `nothing`},
		{Pattern: `(\d)?$`, Extract: "${1}"},
	}
	s.Filter = filters[r.IntN(len(filters))]
	return s
}
