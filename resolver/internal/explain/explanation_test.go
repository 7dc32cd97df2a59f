// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/resolver/internal/explain"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
)

func semver(r string) *resolverv1.ImagePolicyChoice {
	return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{Semver: &resolverv1.SemVerPolicy{Range: r}}}
}

func numerical(o resolverv1.SortOrder) *resolverv1.ImagePolicyChoice {
	return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Numerical{Numerical: &resolverv1.NumericalPolicy{Order: o}}}
}

func alphabetical(o resolverv1.SortOrder) *resolverv1.ImagePolicyChoice {
	return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Alphabetical{Alphabetical: &resolverv1.AlphabeticalPolicy{Order: o}}}
}

func inputOf(t *testing.T, req *resolverv1.ResolveRequest, tags []policy.Tag) explain.Input {
	t.Helper()
	compiled, err := spec.Compile(req.GetPolicy(), req.GetFilterTags())
	if err != nil {
		t.Fatal(err)
	}
	return explain.Input{Policy: compiled, Request: req, Tags: slices.Values(tags)}
}

func linesOf(e *explain.Explanation) []string {
	var lines []string
	for _, v := range e.Page(0, e.Len()) {
		lines = append(lines, fmt.Sprintf("%s %s: %s", v.GetVerdict().String()[len("VERDICT_"):], v.GetTag(), v.GetReason()))
	}
	return lines
}

func TestEachTagHasItsVerdictAndSentence(t *testing.T) {
	asc, desc := resolverv1.SortOrder_SORT_ORDER_ASC, resolverv1.SortOrder_SORT_ORDER_DESC
	for name, test := range map[string]struct {
		req      *resolverv1.ResolveRequest
		tags     []string
		excluded []string
		want     []string
	}{
		"versions in a range": {
			req:      &resolverv1.ResolveRequest{Policy: semver("7.8.x")},
			tags:     []string{"7.8.0", "7.8.1", "v7.8.1", "7.9.0", "7.8.2-rc.1", "latest"},
			excluded: []string{"sha-1.sig", "7.8.0"},
			want: []string{
				"SELECTED v7.8.1: v7.8.1 is the highest version in range 7.8.x, of 3 eligible tags",
				"ELIGIBLE 7.8.1: 7.8.1 is equal to v7.8.1, whose tag is the larger one by its bytes",
				"ELIGIBLE 7.8.0: 7.8.0 is lower than v7.8.1",
				"OUT_OF_RANGE 7.8.2-rc.1: 7.8.2-rc.1 is a pre-release, and range 7.8.x has none; a range that names one does, such as >=1.0.0-0",
				"OUT_OF_RANGE 7.9.0: 7.9.0 is not in range 7.8.x",
				"UNPARSABLE latest: 'latest' is no version of three parts",
				"EXCLUDED sha-1.sig: the repository's exclusion list leaves it out",
			},
		},
		"numbers in extracts": {
			req: &resolverv1.ResolveRequest{
				Policy: numerical(asc), FilterTags: &resolverv1.TagFilter{Pattern: `^main-(\w*)$`, Extract: "$1"},
			},
			tags: []string{"main-9", "main-10", "main-x", "main-", "dev-11"},
			want: []string{
				"SELECTED main-10: 10 is the largest number, of 2 eligible tags",
				"ELIGIBLE main-9: 9 is smaller than 10",
				"FILTERED dev-11: the pattern '^main-(\\w*)$' does not match it",
				"UNPARSABLE main-: '' is no decimal number",
				"UNPARSABLE main-x: 'x' is no decimal number",
			},
		},
		"bytes from below": {
			req: &resolverv1.ResolveRequest{Policy: alphabetical(desc)}, tags: []string{"b", "a"},
			want: []string{"SELECTED a: a is the first by its bytes, of 2 eligible tags", "ELIGIBLE b: b comes after a"},
		},
		"nothing is eligible": {
			req: &resolverv1.ResolveRequest{Policy: semver(">=2")}, tags: []string{"1.0.0"},
			want: []string{"OUT_OF_RANGE 1.0.0: 1.0.0 is not in range >=2"},
		},
		"no tags": {req: &resolverv1.ResolveRequest{Policy: semver("*")}},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputOf(t, test.req, policy.TagsOf(test.tags))
			in.Excluded = test.excluded
			e, err := explain.Of(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, linesOf(e)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatWasExaminedIsTold(t *testing.T) {
	in := inputOf(t, &resolverv1.ResolveRequest{Policy: semver("*")}, policy.TagsOf([]string{"1.0.0", "2.0.0", "3.0.0", "4.0.0"}))
	in.Decision = &explain.Decision{Selected: "2.0.0", Examined: map[string]explain.Finding{
		"4.0.0": {Verdict: resolverv1.Verdict_VERDICT_TOO_YOUNG, Reason: "too young"},
		"3.0.0": {Verdict: resolverv1.Verdict_VERDICT_PLATFORM_MISSING, Reason: "no linux/arm64"},
	}}
	e, err := explain.Of(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"SELECTED 2.0.0: 2.0.0 is the highest version in range *",
		"UNEXAMINED 1.0.0: 1.0.0 is lower than 2.0.0, which was found before this tag had to be examined",
		"PLATFORM_MISSING 3.0.0: no linux/arm64",
		"TOO_YOUNG 4.0.0: too young",
	}
	if diff := cmp.Diff(want, linesOf(e)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e.Considered() != 4 || e.Rejected() != 2 {
		t.Errorf("considered %d, rejected %d", e.Considered(), e.Rejected())
	}
}

func TestUnknownIsNeitherSelectedNorRejected(t *testing.T) {
	in := inputOf(t, &resolverv1.ResolveRequest{Policy: semver("*")}, policy.TagsOf([]string{"1.0.0", "2.0.0"}))
	in.Decision = &explain.Decision{Examined: map[string]explain.Finding{
		"2.0.0": {Verdict: resolverv1.Verdict_VERDICT_UNKNOWN, Reason: "the registry is asleep"},
	}}
	e, err := explain.Of(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"UNEXAMINED 1.0.0: it was not examined: what had to be known of better tags is not known, or there are too many of them",
		"UNKNOWN 2.0.0: the registry is asleep",
	}
	if diff := cmp.Diff(want, linesOf(e)); diff != "" || e.Rejected() != 0 || e.Selected() != "" {
		t.Errorf("(-want +got):\n%s\nrejected %d, selected %q", diff, e.Rejected(), e.Selected())
	}
}

func TestTimesThatHadToBeAskedForOrderTheEligible(t *testing.T) {
	in := inputOf(t, &resolverv1.ResolveRequest{}, policy.TagsOf([]string{"a", "b", "c"}))
	in.Decision = &explain.Decision{Selected: "b", Order: []string{"b", "c", "a"}, All: true}
	e, err := explain.Of(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"SELECTED b: b is the most recent, of 3 eligible tags",
		"ELIGIBLE c: c is not as recent as b", "ELIGIBLE a: a is not as recent as b",
	}
	if diff := cmp.Diff(want, linesOf(e)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The law: what is selected, and the counts, are what the policy answers.
func TestExplanationIsThePolicysAnswer(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	choices := []*resolverv1.ImagePolicyChoice{
		nil, semver("1.x"), semver(">=1.0.0-0 <2"), semver("*"), semver("^0.2 || >1.1"),
		numerical(0), numerical(2), alphabetical(1), alphabetical(2),
	}
	filters := []*resolverv1.TagFilter{nil, {Pattern: "^v?1"}, {Pattern: `^(?:v|rc-)?(.+)$`, Extract: "$1"}, {Pattern: `(\d)`, Extract: "$1"}}
	for range 3000 {
		req := &resolverv1.ResolveRequest{Policy: choices[random.IntN(len(choices))], FilterTags: filters[random.IntN(len(filters))]}
		tags := randomTags(random)
		in := inputOf(t, req, tags)
		e, err := explain.Of(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		result, err := policy.Evaluate(t.Context(), in.Policy, tags)
		if (err != nil) != (e.Selected() == "") || result.Tag != e.Selected() ||
			result.Considered != e.Considered() || result.Rejected != e.Rejected() || e.Len() != len(tags) {
			t.Fatalf("%v over %v:\nanswer %+v, %v\nexplanation %s of %d, rejected %d, %d lines",
				req, tags, result, err, e.Selected(), e.Considered(), e.Rejected(), e.Len())
		}
		for _, v := range e.Page(0, e.Len()) {
			if v.GetReason() == "" {
				t.Fatalf("%v has no sentence", v)
			}
		}
	}
}

func randomTags(random *rand.Rand) []policy.Tag {
	prefixes, suffixes := []string{"", "v", "rc-"}, []string{"", "-rc.1", "+b", ".x"}
	names := map[string]bool{}
	for range random.IntN(30) {
		name := prefixes[random.IntN(3)]
		switch random.IntN(3) {
		case 0:
			name += fmt.Sprint(random.IntN(12))
		default:
			name += fmt.Sprintf("%d.%d.%d", random.IntN(3), random.IntN(3), random.IntN(3)) + suffixes[random.IntN(4)]
		}
		names[name] = true
	}
	var tags []policy.Tag
	for name := range names {
		tags = append(tags, policy.Tag{Name: name, Initial: random.IntN(2) == 0, FirstSeen: time.Unix(int64(random.IntN(3)), 0)})
	}
	slices.SortFunc(tags, func(a, b policy.Tag) int { return strings.Compare(a.Name, b.Name) })
	return tags
}

func TestExplanationEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in := inputOf(t, &resolverv1.ResolveRequest{Policy: semver("*")}, policy.TagsOf([]string{"1.0.0"}))
	if _, err := explain.Of(ctx, in); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
