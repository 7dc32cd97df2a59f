// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import (
	"cmp"
	"slices"
	"strings"
)

// latestCount is the length of Head.Latest.
const latestCount = 10

// NewestFirst orders entries for slices.SortFunc: negative when a is newer.
//
//  1. Versions come first: an optional "v", two or three numbers with dots, and
//     possibly a pre-release after "-". Among them semver's precedence decides
//     (1.1.0 before 1.1.0-rc.2 before 1.0); numbers may have any length.
//  2. Then tags that begin with a digit ("101", "20240102-abc"), then all others
//     ("main-101", "latest"). Within both, runs of digits compare as numbers and
//     the rest as bytes, the larger one first: 101 before 73.
//  3. What is equal so far ("1.0" and "v1.0.0", "b-01" and "b-1"): the one first
//     seen later comes first, and at last the one with the larger bytes.
func NewestFirst(a, b Entry) int { return newestFirst(ranked(a), ranked(b)) }

func newestFirst(a, b rankedEntry) int {
	if byClass := cmp.Compare(a.class, b.class); byClass != 0 {
		return byClass
	}
	if a.class == classVersion {
		if byVersion := a.version.compare(b.version); byVersion != 0 {
			return -byVersion
		}
	} else if byNumber := compareNatural(a.Tag, b.Tag); byNumber != 0 {
		return -byNumber
	}
	if byTime := a.FirstSeen.Compare(b.FirstSeen); byTime != 0 {
		return -byTime
	}
	return -strings.Compare(a.Tag, b.Tag)
}

const (
	classVersion = iota
	classNumber
	classOther
)

type rankedEntry struct {
	Entry
	class   int
	version version
}

func ranked(e Entry) rankedEntry {
	if v, ok := parseVersion(e.Tag); ok {
		return rankedEntry{e, classVersion, v}
	}
	if e.Tag != "" && isDigit(e.Tag[0]) {
		return rankedEntry{Entry: e, class: classNumber}
	}
	return rankedEntry{Entry: e, class: classOther}
}

// version is a tag's numbers without leading zeros, and its pre-release.
type version struct {
	numbers    [3]string
	preRelease string
}

func parseVersion(tag string) (version, bool) {
	var v version
	rest, parts := strings.TrimPrefix(tag, "v"), 0
	for ; parts < len(v.numbers); parts++ {
		end := digits(rest)
		if end == 0 {
			return version{}, false
		}
		v.numbers[parts] = strings.TrimLeft(rest[:end], "0")
		if rest = rest[end:]; rest == "" || rest[0] != '.' {
			parts++
			break
		}
		rest = rest[1:]
	}
	if parts < 2 {
		return version{}, false
	}
	if rest != "" {
		preRelease, found := strings.CutPrefix(rest, "-")
		if !found || !validPreRelease(preRelease) {
			return version{}, false
		}
		v.preRelease = preRelease
	}
	return v, true
}

func validPreRelease(s string) bool {
	return s != "" && s[0] != '.' && s[len(s)-1] != '.' && !strings.Contains(s, "..") && !strings.Contains(s, "_")
}

func (v version) compare(w version) int {
	for i := range v.numbers {
		if c := compareNumbers(v.numbers[i], w.numbers[i]); c != 0 {
			return c
		}
	}
	switch {
	case v.preRelease == w.preRelease:
		return 0
	case v.preRelease == "":
		return 1
	case w.preRelease == "":
		return -1
	}
	return comparePreReleases(v.preRelease, w.preRelease)
}

// comparePreReleases follows semver 2.0.0, clause 11.4.
func comparePreReleases(a, b string) int {
	for a != "" && b != "" {
		var left, right string
		left, a, _ = strings.Cut(a, ".")
		right, b, _ = strings.Cut(b, ".")
		leftNumber, rightNumber := digits(left) == len(left), digits(right) == len(right)
		var c int
		switch {
		case leftNumber && rightNumber:
			c = compareNumbers(strings.TrimLeft(left, "0"), strings.TrimLeft(right, "0"))
		case leftNumber:
			c = -1
		case rightNumber:
			c = 1
		default:
			c = strings.Compare(left, right)
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// compareNumbers compares digits without leading zeros.
func compareNumbers(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// compareNatural compares runs of digits as numbers and the rest as bytes.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		left, right := digits(a), digits(b)
		if left > 0 && right > 0 {
			if c := compareNumbers(strings.TrimLeft(a[:left], "0"), strings.TrimLeft(b[:right], "0")); c != 0 {
				return c
			}
			a, b = a[left:], b[right:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is the length of the digits that s begins with.
func digits(s string) int {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return i
		}
	}
	return len(s)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// latest keeps the newest entries of all that it is shown.
type latest struct {
	newest []rankedEntry
}

func (l *latest) show(e Entry) {
	r := ranked(e)
	at, _ := slices.BinarySearchFunc(l.newest, r, newestFirst)
	if at == latestCount {
		return
	}
	l.newest = slices.Insert(l.newest, at, r)
	l.newest = l.newest[:min(latestCount, len(l.newest))]
}

func (l *latest) tags() []string {
	tags := make([]string, 0, len(l.newest))
	for _, r := range l.newest {
		tags = append(tags, r.Tag)
	}
	return tags
}
