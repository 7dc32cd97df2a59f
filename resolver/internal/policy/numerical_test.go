// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
)

var numberSeeds = []string{
	"0", "-0", "+0", "0.0", "00", "1", "+1", "-1", "01", "1.0", "1.50", "1.5", "1.05", "-1.5", "-1.51", "-1.49", "10", "9", "-10",
	"-9", ".5", "-.5", "5.", ".", "-", "+", "", "--1", "1.2.3", "1e5", "0x10", "NaN", "Inf", "1_000", " 1", "1 ", "٣", "0.1", "0.01",
	"20260105123000", "9007199254740992", "9007199254740993", "123456789012345678901234567890.1", "-0.000", "-0.001",
	strings.Repeat("9", 127), "1" + strings.Repeat("0", 127), "0." + strings.Repeat("0", 120) + "1",
}

func TestNumbersAreOrderedAsRationals(t *testing.T) {
	for _, a := range numberSeeds {
		for _, b := range numberSeeds {
			checkNumbers(t, a, b)
		}
	}
}

func FuzzNumerical(f *testing.F) {
	for i, a := range numberSeeds {
		f.Add(a, numberSeeds[(i+1)%len(numberSeeds)])
	}
	f.Fuzz(checkNumbers)
}

var decimalPattern = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$`)

func checkNumbers(t *testing.T, a, b string) {
	t.Helper()
	ka, kb := appendNumberKey(nil, a), appendNumberKey(nil, b)
	for s, key := range map[string][]byte{a: ka, b: kb} {
		if got, want := key[0] != classUnparsable, decimalPattern.MatchString(s); got != want {
			t.Fatalf("%q is a decimal: %v, want %v", s, got, want)
		}
	}
	if ka[0] == classUnparsable || kb[0] == classUnparsable {
		return
	}
	ra, oka := new(big.Rat).SetString(a)
	rb, okb := new(big.Rat).SetString(b)
	if !oka || !okb {
		t.Fatalf("math/big does not read %q or %q", a, b)
	}
	if got, want := strings.Compare(string(ka), string(kb)), ra.Cmp(rb); got != want {
		t.Errorf("%q to %q: %d, want %d", a, b, got, want)
	}
}
