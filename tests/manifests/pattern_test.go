// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

func matches(pattern, s string) bool { return regexp.MustCompile(pattern).MatchString(s) }

// match makes a text that matches a pattern; one that is open at its end goes on as a URL does.
func (g *generator) match(pattern string) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	g.expand(&b, re.Simplify())
	if !strings.HasSuffix(pattern, "$") {
		b.WriteString("git.example.com/" + g.dnsName() + "?a=b#c")
	}
	if !matches(pattern, b.String()) {
		panic(b.String() + " does not match " + pattern)
	}
	return b.String()
}

func (g *generator) expand(b *strings.Builder, re *syntax.Regexp) {
	repeat := func(least, most int) {
		for range least + g.rnd.IntN(most-least+1) {
			g.expand(b, re.Sub[0])
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(g.oneOf(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteRune(g.oneOf([]rune{' ', '~'}))
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			g.expand(b, sub)
		}
	case syntax.OpAlternate:
		g.expand(b, re.Sub[g.rnd.IntN(len(re.Sub))])
	case syntax.OpStar:
		repeat(0, 6)
	case syntax.OpPlus:
		repeat(1, 6)
	case syntax.OpQuest:
		repeat(0, 1)
	case syntax.OpRepeat:
		repeat(re.Min, max(re.Min, min(re.Max, re.Min+6)))
	default: // Anchors and the like hold no text.
	}
}

// oneOf picks a character of a class that text may hold: often an ASCII one, as a class may span all of Unicode.
func (g *generator) oneOf(ranges []rune) rune {
	for i := 0; ; i++ {
		at := 2 * g.rnd.IntN(len(ranges)/2)
		lowest, highest := ranges[at], ranges[at+1]
		if i%4 > 0 && lowest < unicode.MaxASCII {
			highest = min(highest, unicode.MaxASCII)
		}
		if r := lowest + g.rnd.Int32N(highest-lowest+1); utf8.ValidRune(r) {
			return r
		}
	}
}
