// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// compileRange turns a range into spans of keys. Masterminds parses it, so that notation, limits and error messages are
// its own; what it then asks of each version with functions is here worked out once, as bounds. Tests and a fuzzer hold
// the two against each other.
func compileRange(s string) ([]span, error) {
	if len(s) > semver.MaxConstraintLen {
		return nil, fmt.Errorf("improper constraint: the range has %d bytes, more than the %d allowed",
			len(s), semver.MaxConstraintLen)
	}
	parsed, err := semver.NewConstraint(s)
	if err != nil {
		if strings.HasPrefix(err.Error(), "improper constraint: ") {
			return nil, err // the sentence that people know
		}
		return nil, fmt.Errorf("improper constraint: %q: %w", s, err)
	}
	var releases, prereleases []span
	for _, text := range strings.Split(parsed.String(), "||") {
		g, err := compileGroup(strings.Fields(text))
		if err != nil {
			return nil, err
		}
		releases = append(releases, g.releases...)
		if g.named {
			prereleases = append(prereleases, g.prereleases...)
		}
	}
	return append(ofClass(classPrerelease, union(prereleases)), ofClass(classRelease, union(releases))...), nil
}

// ofClass makes keys of ranks.
func ofClass(class byte, ranks []span) []span {
	keys := make([]span, len(ranks))
	for i, s := range ranks {
		keys[i] = span{lo: string([]byte{class}) + s.lo, hi: string([]byte{class}) + s.hi}
	}
	return keys
}

// group is one alternative of a range: comparators that all have to hold.
type group struct {
	releases, prereleases []span // ranks
	// named says that a comparator names a pre-release. Otherwise none is in the group.
	named bool
}

func compileGroup(comparators []string) (group, error) {
	all := []span{{lo: "", hi: above}}
	g := group{releases: all, prereleases: all}
	for _, text := range comparators {
		c, err := parseComparator(text)
		if err != nil {
			return group{}, err
		}
		releases, prereleases, err := c.spans()
		if err != nil {
			return group{}, err
		}
		g.releases = intersect(g.releases, releases)
		g.prereleases = intersect(g.prereleases, prereleases)
		g.named = g.named || c.prerelease != ""
	}
	return g, nil
}

// comparator is an operator and a version whose last parts may be left open: `>=1.2.3`, `~1.2`, `!=1.x`.
type comparator struct {
	text, operator string
	version            // open parts are zero
	parts          int // how many of the three are given; the others are open
}

// parseComparator reads what Masterminds has already taken as well-formed.
func parseComparator(text string) (comparator, error) {
	number := strings.TrimLeft(text, "=!<>~^")
	c := comparator{text: text, operator: text[:len(text)-len(number)]}
	number, _, _ = strings.Cut(strings.TrimPrefix(number, "v"), "+")
	number, c.prerelease, _ = strings.Cut(number, "-")
	given := []*uint64{&c.major, &c.minor, &c.patch}
	for _, p := range strings.SplitN(number, ".", len(given)) {
		if p == "x" || p == "X" || p == "*" {
			break
		}
		n, err := strconv.ParseUint(p, 10, 64)
		if err != nil {
			return comparator{}, fmt.Errorf("improper constraint: %q: %w", text, err)
		}
		*given[c.parts] = n
		c.parts++
	}
	return c, nil
}

// spans returns which releases the comparator holds for, and which pre-releases. They differ in one case only.
func (c comparator) spans() (releases, prereleases []span, err error) {
	var s []span
	switch c.operator {
	case "", "=":
		s = c.equal()
	case "!=":
		return c.notEqual()
	case ">":
		s = []span{{lo: c.above(), hi: above}}
	case ">=", "=>":
		s = []span{{lo: c.self(), hi: above}}
	case "<":
		s = []span{{lo: "", hi: c.self()}}
	case "<=", "=<":
		s = []span{{lo: "", hi: c.upTo()}}
	case "~", "~>":
		s = c.tilde()
	case "^":
		s = c.caret()
	default:
		return nil, nil, fmt.Errorf("improper constraint: %q: unknown operator %q", c.text, c.operator)
	}
	return s, s, nil
}

// self is the rank of the version itself.
func (c comparator) self() string { return string(c.appendRank(nil)) }

// nextMajor, nextMinor and nextPatch are below all versions of the next one, its pre-releases too.
func (c comparator) nextMajor() string { return string(appendNext(nil, c.major)) }

func (c comparator) nextMinor() string {
	return string(appendNext(appendNumber(nil, c.major), c.minor))
}

func (c comparator) nextPatch() string {
	return string(appendNext(appendNumber(appendNumber(nil, c.major), c.minor), c.patch))
}

func (c comparator) equal() []span {
	if c.parts < 3 {
		return c.tilde()
	}
	return []span{{lo: c.self(), hi: after(c.self())}}
}

// above is where `>` begins: `>1` is above all of 1.x, `>1.2` above all of 1.2.x.
func (c comparator) above() string {
	switch c.parts {
	case 1:
		return c.nextMajor()
	case 2:
		return c.nextMinor()
	default:
		return after(c.self())
	}
}

// upTo is where `<=` ends: `<=1` takes in all of 1.x. `<=x` is, of all things, `<=0.0`.
func (c comparator) upTo() string {
	switch c.parts {
	case 1:
		return c.nextMajor()
	case 3:
		return after(c.self())
	default:
		return c.nextMinor()
	}
}

// tilde is open above for `~x`, and for `~0.0.0` too.
func (c comparator) tilde() []span {
	zero := c.major == 0 && c.minor == 0 && c.patch == 0
	switch {
	case c.parts == 0 || c.parts == 3 && zero:
		return []span{{lo: c.self(), hi: above}}
	case c.parts == 1:
		return []span{{lo: c.self(), hi: c.nextMajor()}}
	default:
		return []span{{lo: c.self(), hi: c.nextMinor()}}
	}
}

// caret keeps the leftmost part that is not zero. `^x` is `^0.0.0`.
func (c comparator) caret() []span {
	switch {
	case c.major > 0 || c.parts == 1:
		return []span{{lo: c.self(), hi: c.nextMajor()}}
	case c.minor > 0 || c.parts == 2:
		return []span{{lo: c.self(), hi: c.nextMinor()}}
	default:
		return []span{{lo: c.self(), hi: c.nextPatch()}}
	}
}

// notEqual leaves a hole. For `!=1.2` the hole has only the releases of 1.2.x, for `!=1` the pre-releases too. The one form
// that makes no hole but a sieve, `!=1.2.x-rc.1` (in every patch that very pre-release), is refused.
func (c comparator) notEqual() (releases, prereleases []span, err error) {
	switch c.parts {
	case 1:
		s := without(span{lo: string(appendNumber(nil, c.major)), hi: c.nextMajor()})
		return s, s, nil
	case 2:
		if c.prerelease != "" {
			return nil, nil, fmt.Errorf("improper constraint: %q: a pre-release cannot be excluded from every patch at once; "+
				"name the versions", c.text)
		}
		hole := span{lo: string(appendNumber(appendNumber(nil, c.major), c.minor)), hi: c.nextMinor()}
		return without(hole), []span{{lo: "", hi: above}}, nil
	default:
		s := without(span{lo: c.self(), hi: after(c.self())})
		return s, s, nil
	}
}
