// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"strings"
	"testing"
)

func TestCompileNamesTheFieldThatIsWrong(t *testing.T) {
	filtered := func(pattern, extract string) Spec { return Spec{Filter: &Filter{Pattern: pattern, Extract: extract}} }
	for name, tt := range map[string]struct {
		spec          Spec
		field, reason string
	}{
		"two choices":                {Spec{SemVer: &SemVer{Range: "*"}, Latest: &Latest{}}, "policy", "only one of"},
		"range of words":             {Spec{SemVer: &SemVer{Range: "newest"}}, "policy.semver.range", `improper constraint: "newest"`},
		"no range":                   {Spec{SemVer: &SemVer{}}, "policy.semver.range", `improper constraint: ""`},
		"range of four parts":        {Spec{SemVer: &SemVer{Range: "1.2.3.4"}}, "policy.semver.range", `improper constraint: "1.2.3.4"`},
		"number beyond 64 bits":      {Spec{SemVer: &SemVer{Range: ">18446744073709551616"}}, "policy.semver.range", "improper constraint: "},
		"endless range":              {Spec{SemVer: &SemVer{Range: strings.Repeat("1", 2000)}}, "policy.semver.range", "2000 bytes"},
		"too many alternatives":      {Spec{SemVer: &SemVer{Range: strings.Repeat("1||", 40) + "1"}}, "policy.semver.range", "too many"},
		"a sieve":                    {Spec{SemVer: &SemVer{Range: "!=1.2.x-rc.1"}}, "policy.semver.range", "name the versions"},
		"unknown alphabetical order": {Spec{Alphabetical: &Alphabetical{Order: 7}}, "policy.alphabetical.order", "unknown order 7"},
		"unknown numerical order":    {Spec{Numerical: &Numerical{Order: -1}}, "policy.numerical.order", "unknown order -1"},
		"pattern unclosed":           {filtered("(", ""), "filterTags.pattern", "invalid regular expression pattern '('"},
		"pattern endless":            {filtered(strings.Repeat("a", 1025), ""), "filterTags.pattern", "1025 bytes"},
		"pattern too costly":         {filtered(strings.Repeat("a{1000}", 3), ""), "filterTags.pattern", "too costly"},
		"look-ahead":                 {filtered("(?=a)", ""), "filterTags.pattern", "invalid or unsupported Perl syntax"},
		"extract without pattern":    {filtered("", "$1"), "filterTags.extract", "needs a pattern"},
		"extract endless":            {filtered("a", strings.Repeat("a", 257)), "filterTags.extract", "257 bytes"},
		"group that is not there":    {filtered("(a)", "$2"), "filterTags.extract", "group $2, but the pattern has one group"},
		"group of no groups":         {filtered("a", "$1"), "filterTags.extract", "group $1, but the pattern has no group"},
		"name that is not there":     {filtered("(?P<ts>a)", "${nope}"), "filterTags.extract", "group ${nope}, which"},
		"text runs into the number":  {filtered("(a)", "$1x"), "filterTags.extract", "write ${1}x"},
		"too many references":        {filtered("(a)", strings.Repeat("$1", 17)), "filterTags.extract", "16 references"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(tt.spec)
			var wrong *FieldError
			if !errors.As(err, &wrong) {
				t.Fatalf("error %v, want a FieldError", err)
			}
			if wrong.Field != tt.field || !strings.Contains(wrong.Reason, tt.reason) {
				t.Errorf("got %q: %q; want %q: …%q…", wrong.Field, wrong.Reason, tt.field, tt.reason)
			}
		})
	}
}

func TestCompileTakesWhatFluxTakes(t *testing.T) {
	for name, spec := range map[string]Spec{
		"nothing chosen":            {},
		"empty filter":              {Filter: &Filter{}},
		"any":                       {SemVer: &SemVer{Range: "*"}},
		"hyphen":                    {SemVer: &SemVer{Range: "1.2 - 3"}},
		"alternatives":              {SemVer: &SemVer{Range: ">=1.0.0, <2 || ~3.1-0"}},
		"extract of a constant":     {Filter: &Filter{Pattern: "a", Extract: "same"}},
		"a lone dollar":             {Filter: &Filter{Pattern: "a", Extract: "$"}},
		"pattern of a thousand":     {Filter: &Filter{Pattern: strings.Repeat("a", 1024)}},
		"group zero without groups": {Filter: &Filter{Pattern: "a", Extract: "$0"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Compile(spec); err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzCompile(f *testing.F) {
	f.Add("7.8.x", "^main-[a-f0-9]+-(?P<ts>[0-9]+)", "$ts", "main-abc-12", "7.8.1")
	f.Add(">=1.0.0-0 <2 || !=3.x", "(a)(b)?", "${1}$$$2", "ab", "1.0.0-rc.1")
	f.Fuzz(func(t *testing.T, versions, pattern, extract, tag, other string) {
		filter := &Filter{Pattern: pattern, Extract: extract}
		for _, spec := range []Spec{
			{SemVer: &SemVer{Range: versions}, Filter: filter},
			{Alphabetical: &Alphabetical{Order: Descending}, Filter: filter},
			{Numerical: &Numerical{}, Filter: filter},
			{Latest: &Latest{}, Filter: filter},
		} {
			p, err := Compile(spec)
			if err != nil {
				var wrong *FieldError
				if !errors.As(err, &wrong) || wrong.Field == "" || wrong.Reason == "" {
					t.Fatalf("not a field's error: %v", err)
				}
				continue
			}
			r, err := Evaluate(t.Context(), p, TagsOf([]string{tag, other}))
			if (err == nil) != (r.Rejected < r.Considered) {
				t.Errorf("error %v, but %+v", err, r)
			}
			if err == nil && r.Tag != tag && r.Tag != other {
				t.Errorf("answered %q, which is none of the tags", r.Tag)
			}
		}
	})
}
