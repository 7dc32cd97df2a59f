// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestDefaultPatternsExcludeSignaturesAndReferrers(t *testing.T) {
	exclusions, err := CompileExclusions(DefaultPatterns())
	if err != nil {
		t.Fatal(err)
	}
	hex := "sha256-" + strings.Repeat("0f", 32)
	for tag, want := range map[string]bool{
		hex: true, hex + ".sig": true, hex + ".att": true, hex + ".sbom": true, "1.0.0.sig": true,
		"1.0.0": false, "sha256-xyz": false, hex + ".txt": false, "signed": false, "a" + hex: false,
	} {
		if got := exclusions.Excluded(tag); got != want {
			t.Errorf("Excluded(%q) = %t", tag, got)
		}
	}
}

func TestPatternsAreNotAnchored(t *testing.T) {
	exclusions, err := CompileExclusions([]string{"rc", "^dev-"})
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]bool{"1.0.0-rc1": true, "dev-1": true, "a-dev-1": false, "1.sig": false} {
		if got := exclusions.Excluded(tag); got != want {
			t.Errorf("Excluded(%q) = %t", tag, got)
		}
	}
	if got := exclusions.Patterns(); !slices.Equal(got, []string{"rc", "^dev-"}) {
		t.Errorf("Patterns() = %v", got)
	}
}

func TestAnEmptyListExcludesNothing(t *testing.T) {
	exclusions, err := CompileExclusions(nil)
	if err != nil || exclusions.Excluded("1.0.0.sig") {
		t.Errorf("excluded, or %v", err)
	}
}

func TestExclusionListsAreBounded(t *testing.T) {
	for name, patterns := range map[string][]string{
		"26 patterns":           slices.Repeat([]string{"a"}, 26),
		"a pattern too long":    {strings.Repeat("a", 1025)},
		"no regular expression": {"("},
		"too many repetitions":  {"((a{100}){100}){100}"},
	} {
		if _, err := CompileExclusions(patterns); !errors.Is(err, ErrInvalidExclusion) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
