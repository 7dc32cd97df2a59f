// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package selector

import (
	"regexp"
	"testing"
)

func TestMistakesInPatternsHaveAPlace(t *testing.T) {
	for pattern, want := range map[string]string{
		`^v(\d+`:    "missing closing ) at character 3, '(\\d+'",
		`(a)(b(c)`:  "missing closing ) at character 4, '(b(c)'",
		`[(]\((x`:   "missing closing ) at character 6, '(x'",
		`[](](x`:    "missing closing ) at character 5, '(x'",
		`[^](](x`:   "missing closing ) at character 6, '(x'",
		`[[](x`:     "missing closing ) at character 4, '(x'",
		`\Q((\E(x`:  "missing closing ) at character 7, '(x'",
		`a)b`:       "unexpected ) at character 2, ')b'",
		`(a)\)[)])`: "unexpected ) at character 9, ')'",
		`ü[a`:       "missing closing ] at character 2, '[a'",
		`a**`:       "invalid nested repetition operator at character 2, '**'",
		`*a`:        "missing argument to repetition operator at character 1, '*a'",
		`a\`:        "trailing backslash at end of expression at character 2, '\\'",
		`(?=x)`:     "invalid or unsupported Perl syntax at character 1, '(?=x)'",
		`x{1001}`:   "invalid repeat count at character 2, '{1001}'",
		`[z-a]`:     "invalid character class range at character 2, 'z-a]'",
	} {
		_, err := regexp.Compile(pattern)
		if err == nil {
			t.Errorf("%s compiles", pattern)
			continue
		}
		if got := mistake(pattern, err).Error(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", pattern, got, want)
		}
	}
}

func FuzzMistake(f *testing.F) {
	for _, pattern := range []string{"(", "[](", `\Q(`, `a\`, "[^]", "(?P<n", "x{2000}"} {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if _, err := regexp.Compile(pattern); err != nil && mistake(pattern, err) == nil {
			t.Error("a mistake is lost")
		}
	})
}
