// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
)

// threeParts is the one thing asked of a tag beyond what Masterminds asks.
var threeParts = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+([-+]|$)`)

// oracle parses a tag as Masterminds does; nil if it is no three-part version.
func oracle(tag string) *semver.Version {
	if !threeParts.MatchString(tag) {
		return nil
	}
	v, err := semver.NewVersion(tag)
	if err != nil {
		return nil
	}
	return v
}

var versionSeeds = []string{
	"1.2.3", "v1.2.3", "V1.2.3", "01.002.0003", "1.2", "1", "1.2.3.4", "1.2-rc.1", "", "v", "vv1.2.3", "latest",
	"1.2.3-rc.1", "1.2.3-rc.01", "1.2.3-rc.1.1", "1.2.3-", "1.2.3+", "1.2.3+build.007", "1.2.3-a+b", "1.2.3+b-a",
	"1.2.3-a..b", "1.2.3-0", "1.2.3--", "1.2.3-9", "1.2.3-10", "1.2.3-9a", "1.2.3-a.b", "1.2.3-a-b", "1.2.3-A",
	"18446744073709551615.0.0", "18446744073709551616.0.0", "00000000000000000000000000001.2.3", "1.2.3 ",
	"1.2.3-18446744073709551616", "1.2.3-99999999999999999999", "2026.01.05", "0.0.0", "0.0.0-0", "0.0.1", "255.256.65536",
	"1.2.3-é", "1.2.3\n", strings.Repeat("1", 300) + ".0.0",
}

var rangeSeeds = []string{
	"*", "x", "1", "1.2", "1.2.3", "=1", "=1.2.3-rc.1", "1.x-0", "x-0", "1.x.3", "v1.2.3", "=v1.x",
	">1", ">1.2", ">1.2.3", ">x", ">1.x-0", ">=1", ">=1.2.3-0", ">=x-0", "=>1.2", "<1", "<2.0.0", "<1.2.3-rc.1", "<x", "<=1",
	"<=1.2", "<=1.2.3", "<=x", "<=x-0", "<=1.x-0", "=<2", "~1", "~1.2", "~1.2.3", "~>1.2.3-rc.1", "~0.0.0", "~0.0.0-0", "~0",
	"~0.0", "~x", "^1", "^1.2", "^1.2.3", "^0", "^0.0", "^0.0.0", "^0.0.1", "^0.1", "^0.1.2-rc", "^x", "^1.x-0",
	"!=1", "!=1.2", "!=1.2.3", "!=x", "!=1-0", "!=1.2.3-rc.1", "!=1.2, >=0.0.0-0", "1.2 - 3.4", "1.2.3 - 2",
	">=1.0.0 <2.0.0", ">=1.0.0-0 <2.0.0", ">=1, !=1.2.3, <3 || ~5.1 || 7.x-0", "<1 || >=2", ">2 <1",
	"^18446744073709551615", ">18446744073709551615", "<=18446744073709551615.18446744073709551615", "1.2.3+build",
}

func TestVersionsAreThoseOfMasterminds(t *testing.T) {
	for _, a := range versionSeeds {
		for _, b := range versionSeeds {
			checkVersions(t, a, b)
		}
	}
}

func FuzzVersion(f *testing.F) {
	for i, a := range versionSeeds {
		f.Add(a, versionSeeds[(i+1)%len(versionSeeds)])
	}
	f.Fuzz(checkVersions)
}

// checkVersions holds parsing and order of two tags against Masterminds.
func checkVersions(t *testing.T, a, b string) {
	t.Helper()
	va, oka := parseVersion(a)
	vb, okb := parseVersion(b)
	wa, wb := oracle(a), oracle(b)
	if oka != (wa != nil) || okb != (wb != nil) {
		t.Fatalf("parsing %q: %v, %q: %v; Masterminds: %v, %v", a, oka, b, okb, wa, wb)
	}
	if !oka || !okb {
		return
	}
	got := strings.Compare(string(va.appendRank(nil)), string(vb.appendRank(nil)))
	if want := wa.Compare(wb); got != want {
		t.Errorf("%q to %q: %d, Masterminds: %d", a, b, got, want)
	}
}

func TestRangesAreThoseOfMasterminds(t *testing.T) {
	for _, r := range rangeSeeds {
		if _, err := compileRange(r); err != nil {
			t.Errorf("range %q: %v", r, err)
		}
		for _, v := range versionSeeds {
			checkRange(t, r, v)
		}
	}
}

func FuzzRange(f *testing.F) {
	for i, r := range rangeSeeds {
		f.Add(r, versionSeeds[i%len(versionSeeds)])
	}
	f.Fuzz(checkRange)
}

// checkRange holds what a range says of a version against Masterminds.
func checkRange(t *testing.T, constraint, tag string) {
	t.Helper()
	spans, err := compileRange(constraint)
	want, wantErr := semver.NewConstraint(constraint)
	if err != nil && strings.Contains(err.Error(), "name the versions") {
		return // the one form that is refused
	}
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("range %q: %v, Masterminds: %v", constraint, err, wantErr)
	}
	version := oracle(tag)
	if err != nil || version == nil {
		return
	}
	if got, want := contains(spans, appendSemVerKey(nil, tag)), want.Check(version); got != want {
		t.Errorf("range %q takes %q: %v, Masterminds: %v", constraint, tag, got, want)
	}
}

func TestRandomRangesAreThoseOfMasterminds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		constraint := randomRange(random)
		for range 20 {
			checkRange(t, constraint, randomVersion(random))
		}
	}
}

// TestSemVerAnswersAsAPlainLoop is the whole policy against the loop that Flux runs.
func TestSemVerAnswersAsAPlainLoop(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		constraint := randomRange(random)
		p, err := Compile(Spec{SemVer: &SemVer{Range: constraint}})
		if err != nil {
			continue
		}
		tags := make([]string, random.IntN(40))
		for i := range tags {
			tags[i] = randomVersion(random)
		}
		got, _ := Evaluate(t.Context(), p, TagsOf(tags))
		if want := plainLoop(t, constraint, tags); got.Tag != want {
			t.Errorf("range %q of %q: %q, want %q", constraint, tags, got.Tag, want)
		}
	}
}

func plainLoop(t *testing.T, constraint string, tags []string) string {
	t.Helper()
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		t.Fatal(err)
	}
	var best *semver.Version
	for _, tag := range tags {
		v := oracle(tag)
		if v == nil || !c.Check(v) {
			continue
		}
		if best == nil || cmp.Or(v.Compare(best), strings.Compare(tag, best.Original())) > 0 {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.Original()
}

// randomVersion is of few numbers, so that versions meet bounds and one another.
func randomVersion(random *rand.Rand) string {
	s := fmt.Sprintf("%d.%d.%d", random.IntN(4), random.IntN(4), random.IntN(4))
	if random.IntN(4) == 0 {
		s = "v" + s
	}
	if random.IntN(2) == 0 {
		s += "-" + []string{"0", "1", "10", "a", "a.1", "a.b", "rc.1", "rc.2", "-"}[random.IntN(9)]
	}
	if random.IntN(8) == 0 {
		s += "+build"
	}
	return s
}

func randomRange(random *rand.Rand) string {
	operators := []string{"", "=", "!=", ">", ">=", "=>", "<", "<=", "=<", "~", "~>", "^"}
	var alternatives []string
	for range 1 + random.IntN(3) {
		var all []string
		for range 1 + random.IntN(3) {
			s := operators[random.IntN(len(operators))] + fmt.Sprint(random.IntN(4))
			for range random.IntN(3) {
				s += "." + []string{"0", "1", "2", "3", "x"}[random.IntN(5)]
			}
			if random.IntN(3) == 0 {
				s += "-" + []string{"0", "a", "rc.1"}[random.IntN(3)]
			}
			all = append(all, s)
		}
		alternatives = append(alternatives, strings.Join(all, []string{" ", ", "}[random.IntN(2)]))
	}
	return strings.Join(alternatives, " || ")
}
