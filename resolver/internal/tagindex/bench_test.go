// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Masterminds/semver/v3"

	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

const benchTags = 100_000

// benchmarkTags are versions and builds, shuffled.
func benchmarkTags() []policy.Tag {
	names := make([]string, 0, benchTags)
	for i := range benchTags / 2 {
		names = append(names, fmt.Sprintf("%d.%d.%d", i/5000, i/100%50, i%100))
		names = append(names, fmt.Sprintf("main-%07x-%d", i*7919, 1_700_000_000+i))
	}
	tags := policy.TagsOf(names)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
	return tags
}

func benchmarkPolicies(b *testing.B) map[string]*policy.Policy {
	b.Helper()
	return map[string]*policy.Policy{
		"semver": compile(b, semVer(">=2.0.0 <5.1.0")),
		"filtered numerical": compile(b, policy.Spec{
			Numerical: &policy.Numerical{},
			Filter:    &policy.Filter{Pattern: `^main-[a-f0-9]+-(?P<ts>[0-9]+)$`, Extract: "$ts"},
		}),
	}
}

// BenchmarkPlainLoop is what the others are held against.
func BenchmarkPlainLoop(b *testing.B) {
	tags := benchmarkTags()
	constraint, err := semver.NewConstraint(">=2.0.0 <5.1.0")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var best *semver.Version
		for _, tag := range tags {
			v, err := semver.NewVersion(tag.Name)
			if err == nil && constraint.Check(v) && (best == nil || v.GreaterThan(best)) {
				best = v
			}
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	tags := benchmarkTags()
	for name, p := range benchmarkPolicies(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := policy.Evaluate(b.Context(), p, tags); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBuildView(b *testing.B) {
	s := New().Apply(Delta{Revision: 1, Added: benchmarkTags()})
	for name, p := range benchmarkPolicies(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := newView(b.Context(), p.Ranking(), s.tags); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWarm(b *testing.B) {
	x := New()
	x.Apply(Delta{Revision: 1, Added: benchmarkTags()})
	for name, p := range benchmarkPolicies(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			prepare(b, x, p)
			for b.Loop() {
				if _, err := prepare(b, x, p).Evaluate(b.Context(), p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOneTag adds a tag, or takes it away, and answers 100 policies of two views.
func BenchmarkOneTag(b *testing.B) {
	x := New()
	x.Apply(Delta{Revision: 1, Added: benchmarkTags()})
	var policies []*policy.Policy
	for i := range 50 {
		policies = append(policies, compile(b, semVer(fmt.Sprintf(">=%d.%d", i%5, i))))
	}
	policies = append(policies, slices.Repeat([]*policy.Policy{benchmarkPolicies(b)["filtered numerical"]}, 50)...)
	for _, p := range policies {
		acquire(b, x, p)
	}
	changes := []Delta{{Added: policy.TagsOf([]string{"99.0.0"})}, {Removed: []string{"99.0.0"}}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s := x.Apply(changes[i%2])
		for _, p := range policies {
			if _, err := s.Evaluate(b.Context(), p); err != nil {
				b.Fatal(err)
			}
		}
	}
}
