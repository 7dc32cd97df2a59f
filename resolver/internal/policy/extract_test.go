// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"regexp"
	"testing"
)

var extractSeeds = [][3]string{
	{`^main-[a-f0-9]+-(?P<ts>[0-9]+)`, "$ts", "main-abc-123"},
	{`(\w+)-(\d+)`, "${2}.$1", "app-7"},
	{`a`, "$$0 $0 $", "xay"},
	{`(a)|(b)`, "[$1|$2]", "b"},
	{`(?P<é>.)`, "$é-${é}", "é"},
	{`(.)`, "${1", "x"},
	{`(.)`, "${}$-$$$1", "x"},
	{`(.)(.)`, "$01", "xy"},
	{`(?P<a>x)(?P<a>y)`, "$a", "xy"},
}

func TestExtractExpandsAsTheRegexpPackageDoes(t *testing.T) {
	for _, s := range extractSeeds {
		checkExtract(t, s[0], s[1], s[2])
	}
}

func FuzzExtract(f *testing.F) {
	for _, s := range extractSeeds {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(checkExtract)
}

func checkExtract(t *testing.T, pattern, extract, tag string) {
	t.Helper()
	compiled, err := compileFilter(Filter{Pattern: pattern, Extract: extract})
	if err != nil || compiled == nil || compiled.extract == nil {
		return
	}
	want, matches := "", false
	re := regexp.MustCompile(pattern)
	if match := re.FindStringSubmatchIndex(tag); match != nil {
		want, matches = string(re.ExpandString(nil, extract, tag, match)), true
	}
	if got, ok := compiled.apply(tag); got != want || ok != matches {
		t.Errorf("%q of %q by %q: got %q, %v; want %q, %v", extract, tag, pattern, got, ok, want, matches)
	}
}
