// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"
)

func semVer(r string) Spec           { return Spec{SemVer: &SemVer{Range: r}} }
func numerical(o Order) Spec         { return Spec{Numerical: &Numerical{Order: o}} }
func alphabetical(o Order) Spec      { return Spec{Alphabetical: &Alphabetical{Order: o}} }
func (s Spec) with(p, e string) Spec { s.Filter = &Filter{Pattern: p, Extract: e}; return s }
func names(tags ...string) []string  { return tags }
func mustCompile(t *testing.T, s Spec) *Policy {
	t.Helper()
	p, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEvaluatePicksTheBest(t *testing.T) {
	for name, tt := range map[string]struct {
		spec Spec
		tags []string
		want string
	}{
		"semver highest in range":           {semVer("7.8.x"), names("7.8.0", "7.9.0", "7.8.10", "7.8.9"), "7.8.10"},
		"semver keeps the spelling":         {semVer("*"), names("v1.2.3", "1.2.2"), "v1.2.3"},
		"semver leading zeros":              {semVer(">=2025"), names("2025.01.09", "2025.01.10"), "2025.01.10"},
		"semver two parts are no version":   {semVer("*"), names("2.0", "3", "1.0.0"), "1.0.0"},
		"semver V is no v":                  {semVer("*"), names("V2.0.0", "1.0.0"), "1.0.0"},
		"semver pre-releases not asked for": {semVer(">=1.0.0"), names("1.0.0", "1.1.0-rc.1"), "1.0.0"},
		"semver pre-releases asked for":     {semVer("^1.x-0"), names("1.0.0", "1.1.0-rc.1"), "1.1.0-rc.1"},
		"semver release over pre-release":   {semVer(">=1.0.0-0"), names("1.1.0", "1.1.0-rc.9"), "1.1.0"},
		"semver pre-releases of one group":  {semVer("~1.0-0 || >=2"), names("1.0.5-rc.1", "2.1.0-rc.1"), "1.0.5-rc.1"},
		"semver numbers in pre-releases":    {semVer(">=1.0.0-0"), names("1.0.0-rc.9", "1.0.0-rc.10"), "1.0.0-rc.10"},
		"semver tie":                        {semVer("*"), names("v1.0.0", "1.0.0"), "v1.0.0"},
		"semver build does not order":       {semVer("*"), names("1.0.0+9", "1.0.0+10"), "1.0.0+9"},
		"semver of an extract":              {semVer("1.x").with(`^app-(.*)$`, "$1"), names("app-1.0.0", "1.9.0", "app-1.1.0"), "app-1.1.0"},
		"semver tie of an extract":          {semVer("*").with(`^.-(.*)$`, "$1"), names("a-v1.0.0", "b-1.0.0"), "b-1.0.0"},
		"alphabetical asc is the largest":   {alphabetical(Ascending), names("xenial", "bionic", "Zesty"), "xenial"},
		"alphabetical desc is the smallest": {alphabetical(Descending), names("xenial", "bionic", "Zesty"), "Zesty"},
		"alphabetical prefix":               {alphabetical(Ascending), names("a", "ab"), "ab"},
		"alphabetical tie":                  {alphabetical(Ascending).with(`(\d)$`, "$1"), names("a1", "b1", "c0"), "b1"},
		"alphabetical desc tie":             {alphabetical(Descending).with(`(\d)$`, "$1"), names("a1", "b1", "c2"), "b1"},
		"alphabetical empty extract":        {alphabetical(Descending).with(`a(x?)`, "$1"), names("ax", "a", "ba"), "ba"},
		"numerical asc is the largest":      {numerical(Ascending), names("9", "10", "-11"), "10"},
		"numerical desc is the smallest":    {numerical(Descending), names("9", "10", "-11"), "-11"},
		"numerical is exact":                {numerical(Ascending), names("9007199254740993", "9007199254740992"), "9007199254740993"},
		"numerical skips what is none":      {numerical(Ascending), names("1", "NaN", "0x99", "1e9", "latest"), "1"},
		"numerical tie":                     {numerical(Descending), names("1", "1.0", "01"), "1.0"},
		"numerical of a timestamp": {
			numerical(Ascending).with(`^main-[a-f0-9]+-(?P<ts>[0-9]+)`, "$ts"),
			names("main-ff-1700000001", "main-00-1700000002", "dev-ff-1800000000"), "main-00-1700000002",
		},
		"pattern is unanchored":             {alphabetical(Ascending).with(`b`, ""), names("abc", "zzz"), "abc"},
		"dollars stand for themselves":      {alphabetical(Ascending).with(`.`, "$$"), names("a", "b"), "b"},
		"latest without times is a version": {Spec{}, names("1.9.0", "1.10.0", "zzz"), "1.10.0"},
		"latest without versions is bytes":  {Spec{}, names("b", "a"), "b"},
		"latest prefers the pre-release":    {Spec{}, names("1.0.0", "2.0.0-rc.1"), "2.0.0-rc.1"},
		"latest orders by the extract":      {Spec{}.with(`-(\d+)$`, "$1"), names("ff-1", "00-2"), "00-2"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustCompile(t, tt.spec)
			for _, tags := range [][]Tag{TagsOf(tt.tags), reversed(TagsOf(tt.tags))} {
				got, err := Evaluate(t.Context(), p, tags)
				if err != nil || got.Tag != tt.want {
					t.Errorf("got %q, %v; want %q", got.Tag, err, tt.want)
				}
			}
		})
	}
}

func reversed(tags []Tag) []Tag {
	slices.Reverse(tags)
	return tags
}

func TestLatestOrdersByTime(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	for name, tt := range map[string]struct {
		tags []Tag
		want string
	}{
		"seen last":                    {[]Tag{{Name: "9.0.0", FirstSeen: day(1)}, {Name: "1.0.0", FirstSeen: day(2)}}, "1.0.0"},
		"nanoseconds count":            {[]Tag{{Name: "b", FirstSeen: day(1)}, {Name: "a", FirstSeen: day(1).Add(1)}}, "a"},
		"first scan is not new":        {[]Tag{{Name: "9.0.0", FirstSeen: day(3), Initial: true}, {Name: "1.0.0", FirstSeen: day(2)}}, "1.0.0"},
		"first scan has no order":      {[]Tag{{Name: "9.0.0", FirstSeen: day(1), Initial: true}, {Name: "1.0.0", FirstSeen: day(2), Initial: true}}, "9.0.0"},
		"one time: version":            {[]Tag{{Name: "1.9.0", FirstSeen: day(1)}, {Name: "1.10.0", FirstSeen: day(1)}}, "1.10.0"},
		"one time: version over words": {[]Tag{{Name: "0.0.1", FirstSeen: day(1)}, {Name: "main", FirstSeen: day(1)}}, "0.0.1"},
		"one time, version: bytes":     {[]Tag{{Name: "1.0.0", FirstSeen: day(1)}, {Name: "v1.0.0", FirstSeen: day(1)}}, "v1.0.0"},
		"no time is before all times":  {[]Tag{{Name: "b"}, {Name: "a", FirstSeen: day(1)}}, "a"},
		"no time is after first scan":  {[]Tag{{Name: "a"}, {Name: "b", Initial: true}}, "a"},
		"before 1970":                  {[]Tag{{Name: "b", FirstSeen: time.Unix(-5, 0)}, {Name: "a", FirstSeen: time.Unix(5, 0)}}, "a"},
		"zones do not matter":          {[]Tag{{Name: "a", FirstSeen: day(1)}, {Name: "b", FirstSeen: day(1).In(time.FixedZone("", 3600))}}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Evaluate(t.Context(), mustCompile(t, Spec{Latest: &Latest{}}), tt.tags)
			if err != nil || got.Tag != tt.want {
				t.Errorf("got %q, %v; want %q", got.Tag, err, tt.want)
			}
		})
	}
}

func TestEvaluateCountsAndSaysWhatWasRejected(t *testing.T) {
	tags := TagsOf(names("app-1.0.0", "app-2.0.0", "app-f", "app-e", "app-d", "app-c", "app-b", "app-a", "other"))
	got, err := Evaluate(t.Context(), mustCompile(t, semVer("1.x").with(`^app-(.*)`, "$1")), reversed(tags))
	want := Result{
		Tag: "app-1.0.0", Considered: 9, Rejected: 8, Filtered: 1, Unparsed: 6, OutOfRange: 1,
		Unparsable: names("app-a", "app-b", "app-c", "app-d", "app-e"),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestEvaluateSaysWhyNothingIsLeft(t *testing.T) {
	for name, tt := range map[string]struct {
		spec     Spec
		tags     []string
		want     error
		rejected int
		sentence string
	}{
		"no tags":         {semVer("*"), nil, ErrNoTags, 0, "version list argument cannot be empty"},
		"nothing matches": {semVer("*").with("x", ""), names("1.0.0"), ErrNoTags, 1, "version list argument cannot be empty"},
		"out of range":    {semVer("2.x"), names("1.0.0"), ErrNoneEligible, 1, "unable to determine latest version from provided list"},
		"no versions":     {semVer("*"), names("a", "b"), ErrNoneEligible, 2, "unable to determine latest version from provided list"},
		"no numbers":      {numerical(Ascending), names("a"), ErrNoneEligible, 1, "unable to determine latest version from provided list"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Evaluate(t.Context(), mustCompile(t, tt.spec), TagsOf(tt.tags))
			if !errors.Is(err, tt.want) || err.Error() != tt.sentence {
				t.Errorf("error %v, want %v", err, tt.sentence)
			}
			if got.Tag != "" || got.Rejected != tt.rejected || got.Considered != len(tt.tags) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTagsOfCountsDoublesOnce(t *testing.T) {
	given := names("b", "a", "b")
	want := []Tag{{Name: "a", Initial: true}, {Name: "b", Initial: true}}
	if got := TagsOf(given); !reflect.DeepEqual(got, want) || given[0] != "b" {
		t.Errorf("got %v of %v", got, given)
	}
}
