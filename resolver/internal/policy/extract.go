// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// maxReferences bounds how much longer than the tag an extract can be, and so what an index of extracts holds.
const maxReferences = 16

// template is a compiled extract: literals and groups in a row. It expands as regexp.Expand does, which reads the template
// anew for each tag.
type template []part

// part is a literal, or the group of a match.
type part struct {
	literal string
	group   int // used if literal is empty
}

// compileTemplate returns nil for an empty extract. Each reference must name a group that the pattern has: an absent one
// would expand to nothing, and make all tags equal.
func compileTemplate(s string, pattern *regexp.Regexp) (template, error) {
	if len(s) > maxExtractLength {
		return nil, fmt.Errorf("extract has %d bytes, more than the %d allowed", len(s), maxExtractLength)
	}
	var t template
	references := 0
	for s != "" {
		name, rest, ok := cutReference(s)
		if !ok {
			var literal string
			literal, s = cutLiteral(s)
			t = append(t, part{literal: literal})
			continue
		}
		group, err := findGroup(pattern, name)
		if err != nil {
			return nil, err
		}
		if references++; references > maxReferences {
			return nil, fmt.Errorf("extract has more than the %d references allowed", maxReferences)
		}
		t = append(t, part{group: group})
		s = rest
	}
	return t, nil
}

// cutLiteral cuts off what stands for itself: `$$` for a dollar, a dollar that begins no reference, or the text up to the
// next dollar.
func cutLiteral(s string) (literal, rest string) {
	if strings.HasPrefix(s, "$$") {
		return "$", s[2:]
	}
	if next := strings.IndexByte(s[1:], '$'); next >= 0 {
		return s[:next+1], s[next+1:]
	}
	return s, ""
}

// cutReference cuts off `$name` or `${name}`; a name is of letters, digits and underscores, as many as there are.
func cutReference(s string) (name, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, "$")
	if !ok {
		return "", "", false
	}
	s, brace := strings.CutPrefix(s, "{")
	end := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if end < 0 {
		end = len(s)
	}
	name, rest = s[:end], s[end:]
	if brace {
		if rest, ok = strings.CutPrefix(rest, "}"); !ok {
			return "", "", false
		}
	}
	return name, rest, name != ""
}

// findGroup resolves a reference: a plain number counts the groups, anything else is a group's name.
func findGroup(pattern *regexp.Regexp, name string) (int, error) {
	if number, ok := groupNumber(name); ok {
		if number > pattern.NumSubexp() {
			return 0, fmt.Errorf("extract refers to group $%s, but the pattern has %s", name, count(pattern.NumSubexp(), "group"))
		}
		return number, nil
	}
	if i := slices.Index(pattern.SubexpNames(), name); i >= 0 {
		return i, nil
	}
	hint := ""
	if digits := len(name) - len(strings.TrimLeft(name, "0123456789")); digits > 0 && digits < len(name) {
		hint = fmt.Sprintf("; for group %s followed by %q write ${%s}%s", name[:digits], name[digits:], name[:digits], name[digits:])
	}
	return 0, fmt.Errorf("extract refers to group ${%s}, which the pattern does not have%s", name, hint)
}

// groupNumber reads a name that is a number without leading zeros. Templates are short, and so are numbers.
func groupNumber(name string) (int, bool) {
	if len(name) > 8 || len(name) > 1 && name[0] == '0' {
		return 0, false
	}
	n := 0
	for _, c := range []byte(name) {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// expand fills in the groups of a match; a group that took no part in it is empty.
func (t template) expand(tag string, match []int) string {
	if len(t) == 1 && t[0].literal == "" {
		return submatch(tag, match, t[0].group)
	}
	var b strings.Builder
	for _, p := range t {
		if p.literal != "" {
			b.WriteString(p.literal)
		} else {
			b.WriteString(submatch(tag, match, p.group))
		}
	}
	return b.String()
}

func submatch(tag string, match []int, group int) string {
	from, to := match[2*group], match[2*group+1]
	if from < 0 {
		return ""
	}
	return tag[from:to]
}

func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun
	case 1:
		return "one " + noun
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}
