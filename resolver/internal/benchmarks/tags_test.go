// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package benchmarks

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/tagindex"
)

const (
	tagsVariable = "BENCH_POLICY_TAGS"
	rounds       = 5
	span         = ">=2.0.0 <5.1.0"
	pattern      = `^main-[a-f0-9]+-(?P<ts>[0-9]+)$`
)

// tagCount is 100,000, or what the environment says.
func tagCount(b *testing.B) int {
	b.Helper()
	text := os.Getenv(tagsVariable)
	if text == "" {
		return 100_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 10 {
		b.Fatalf("%s: %q is no number of at least 10", tagsVariable, text)
	}
	return n
}

// shuffledTags are versions and builds, half and half.
func shuffledTags(n int) []policy.Tag {
	names := make([]string, 0, n)
	for i := range n / 2 {
		names = append(names, fmt.Sprintf("%d.%d.%d", i/5000, i/100%50, i%100), fmt.Sprintf("main-%07x-%d", i*7919, 1_700_000_000+i))
	}
	tags := policy.TagsOf(names)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
	return tags
}

func compile(tb testing.TB, s policy.Spec) *policy.Policy {
	tb.Helper()
	p, err := policy.Compile(s)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func semverSpec(r string) policy.Spec { return policy.Spec{SemVer: &policy.SemVer{Range: r}} }

func numericalSpec() policy.Spec {
	return policy.Spec{Numerical: &policy.Numerical{}, Filter: &policy.Filter{Pattern: pattern, Extract: "$ts"}}
}

// plainSemVer is the loop that everybody writes first.
func plainSemVer(b *testing.B, tags []policy.Tag) string {
	b.Helper()
	constraint, err := semver.NewConstraint(span)
	if err != nil {
		b.Fatal(err)
	}
	var best *semver.Version
	for _, tag := range tags {
		v, err := semver.NewVersion(tag.Name)
		if err == nil && constraint.Check(v) && (best == nil || v.GreaterThan(best)) {
			best = v
		}
	}
	return best.Original()
}

// plainNumerical is the loop with a filter in front.
func plainNumerical(b *testing.B, tags []policy.Tag) string {
	b.Helper()
	filter := regexp.MustCompile(pattern)
	best, largest := "", 0.0
	for _, tag := range tags {
		match := filter.FindStringSubmatchIndex(tag.Name)
		if match == nil {
			continue
		}
		n, err := strconv.ParseFloat(string(filter.ExpandString(nil, "$ts", tag.Name, match)), 64)
		if err == nil && (best == "" || n > largest) {
			best, largest = tag.Name, n
		}
	}
	return best
}

// stopwatch sums up what steps take, by name.
type stopwatch map[string]time.Duration

func (s stopwatch) time(name string, times int, step func()) {
	begun := time.Now()
	for range times {
		step()
	}
	s[name] += time.Since(begun) / time.Duration(times)
}

// BenchmarkPolicies answers a semver range and a filtered numerical policy over 100,000 tags:
//
//	plain  a loop over Masterminds' NewVersion, Check and GreaterThan; for numbers over a regexp and ParseFloat
//	cold   parse and answer, with no index
//	view   build the index's view of the policy, once for all of its kind
//	warm   a new policy on an index that has the view: compile and answer
//	one    one tag is added, and 100 policies over it are answered
//
// The ratios are the plain loop's time over ours.
func BenchmarkPolicies(b *testing.B) {
	tags := shuffledTags(tagCount(b))
	b.Run("semver", func(b *testing.B) { measure(b, tags, semverSpec(span), plainSemVer) })
	b.Run("filter-numerical", func(b *testing.B) { measure(b, tags, numericalSpec(), plainNumerical) })
}

func measure(b *testing.B, tags []policy.Tag, spec policy.Spec, plain func(*testing.B, []policy.Tag) string) {
	b.Helper()
	watch := stopwatch{}
	for range rounds {
		measureRound(b, watch, tags, spec, plain)
	}
	for _, name := range []string{"cold", "view", "warm", "one"} {
		b.ReportMetric(float64(watch["plain"])/float64(watch[name]), "plain/"+name)
	}
	b.ReportMetric(watch["one"].Seconds()*1e6/rounds, "one-µs")
	b.ReportMetric(watch["warm"].Seconds()*1e6/rounds, "warm-µs")
	b.ReportMetric(watch["plain"].Seconds()*1e3/rounds, "plain-ms")
	b.ReportMetric(0, "ns/op") // it would be of all rounds together
}

func measureRound(
	b *testing.B, watch stopwatch, tags []policy.Tag, spec policy.Spec, plain func(*testing.B, []policy.Tag) string,
) {
	b.Helper()
	want := ""
	watch.time("plain", 1, func() { want = plain(b, tags) })
	check := func(result policy.Result, err error) {
		if err != nil || result.Tag != want {
			b.Fatalf("%q, %v; the plain loop says %q", result.Tag, err, want)
		}
	}
	watch.time("cold", 1, func() { check(policy.Evaluate(b.Context(), compile(b, spec), tags)) })
	index := tagindex.New()
	index.Apply(tagindex.Delta{Whole: true, Revision: 1, Added: tags})
	prepare := func(p *policy.Policy) *tagindex.Snapshot {
		snapshot, err := index.Prepare(b.Context(), p)
		if err != nil {
			b.Fatal(err)
		}
		return snapshot
	}
	watch.time("view", 1, func() { prepare(compile(b, spec)) })
	watch.time("warm", 500, func() {
		p := compile(b, spec)
		check(prepare(p).Evaluate(b.Context(), p))
	})
	policies := slices.Repeat([]*policy.Policy{compile(b, spec)}, 100)
	changes := []tagindex.Delta{{Added: policy.TagsOf([]string{"1.0.0-new"})}, {Removed: []string{"1.0.0-new"}}}
	i := 0
	watch.time("one", 50, func() {
		snapshot := index.Apply(changes[i%2])
		i++
		for _, p := range policies {
			check(snapshot.Evaluate(b.Context(), p))
		}
	})
}

// The benchmarks stay whole.
func TestPlainLoopsAgreeWithPolicies(t *testing.T) {
	tags := shuffledTags(1000)
	for name, spec := range map[string]policy.Spec{"semver": semverSpec(">=0.1.0"), "numerical": numericalSpec()} {
		if result, err := policy.Evaluate(t.Context(), compile(t, spec), tags); err != nil || result.Tag == "" {
			t.Errorf("%s: %v, %v", name, result, err)
		}
	}
}
