// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"regexp"
	"strings"
	"testing"
)

// anything stands for any text, and for any lines where it is a line of its own.
const anything = "…"

// variable are the parts of a shown line that are never the same twice, or that are padded.
var variable = regexp.MustCompile(strings.Join([]string{
	anything,
	`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, // a time
	`[A-Z][a-z]{2} [A-Z][a-z]{2} \d+ \d\d:\d\d:\d\d \d{4}`, // git's
	`\b\d+m?s\b`, // a duration
	`you@laptop`,
	`-?\b[0-9a-f]{7,40}\b`, // perhaps an id
	`[ \t]{2,}|\t`,         // padding
}, "|"))

// pattern is what a shown line stands for.
func pattern(shown string) *regexp.Regexp {
	shown = strings.TrimRight(shown, " \t")
	body := strings.TrimLeft(shown, " ")
	var b strings.Builder
	b.WriteString("^" + shown[:len(shown)-len(body)])
	end := 0
	for _, at := range variable.FindAllStringIndex(body, -1) {
		b.WriteString(regexp.QuoteMeta(body[end:at[0]]))
		b.WriteString(kind(body[at[0]:at[1]]))
		end = at[1]
	}
	b.WriteString(regexp.QuoteMeta(body[end:]) + `[ \t]*$`)
	return regexp.MustCompile(b.String())
}

// kind matches everything of a variable part's kind.
func kind(part string) string {
	switch {
	case part == anything:
		return `.*`
	case strings.TrimLeft(part, " \t") == "":
		return `[ \t]+`
	case part == "you@laptop":
		return `\S+@\S+`
	case strings.HasSuffix(part, "Z"):
		return `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
	case strings.Contains(part, " "):
		return `[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4}`
	case strings.HasSuffix(part, "s"):
		return `[\d.]+(µ|m)?s`
	case strings.HasPrefix(part, "-") || !strings.ContainsAny(part, "0123456789") || !strings.ContainsAny(part, "abcdef"):
		return regexp.QuoteMeta(part) // a part of a tag, a word, a number
	default:
		return `[0-9a-f]{7,40}`
	}
}

// agree tells whether the lines printed are what is shown; with more, further ones may follow.
func agree(shown, printed []string, more bool) bool {
	if len(shown) == 0 {
		return more || len(printed) == 0
	}
	if strings.TrimSpace(shown[0]) == anything {
		for skip := range len(printed) + 1 {
			if agree(shown[1:], printed[skip:], more) {
				return true
			}
		}
		return false
	}
	return len(printed) > 0 && pattern(shown[0]).MatchString(printed[0]) && agree(shown[1:], printed[1:], more)
}

// outputLines are an output's lines, without empty ones at the end.
func outputLines(text string) []string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func TestWhatIsShownIsComparedButForWhatIsNeverTheSame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, shown, printed string
		want                 bool
	}{
		{"the same", "✔ scan fetched 2 tags", "✔ scan fetched 2 tags", true},
		{"another number", "✔ scan fetched 2 tags", "✔ scan fetched 3 tags", false},
		{"another tag", "SELECTED  1.1.0  reason", "SELECTED\t1.2.0\treason", false},
		{"padding", "SELECTED  1.1.0  reason", "SELECTED    \t1.1.0\treason ", true},
		{"no padding where there was some", "a  b", "ab", false},
		{"indentation counts", "  a", "    a", false},
		{"times", "at 2026-01-02T03:04:05Z", "at 2031-10-22T13:14:15Z", true},
		{"git's times", "Date:   Sun Nov 22 00:44:05 2026 +0000", "Date:   Mon Dec 1 10:00:00 2031 +0000", true},
		{"durations", "took 25ms x", "took 1.4s x", true},
		{"ids", "commit 1a2b3c4", "commit 9999999", true},
		{"ids of another length", "main@sha1:aaed3d50e7363a0f4d2c21a8894ff4e11d968c19", "main@sha1:0123456789012345678901234567890123456789", true},
		{"digests count", "sha256:" + strings.Repeat("a1", 32), "sha256:" + strings.Repeat("b1", 32), false},
		{"numbers count", "20260101", "20260102", false},
		{"an id in a tag counts", "main-1f3a9c2-17", "main-1f3a9c3-17", false},
		{"who", "held by you@laptop until", "held by root@vm-3 until", true},
		{"anything in a line", "msg=… level", "msg=a b level", true},
		{"any lines", "a\n…\nb", "a\nx\ny\nb", true},
		{"no lines", "a\n…\nb", "a\nb", true},
		{"a line too many", "a", "a\nb", false},
		{"a line too few", "a\nb", "a", false},
		{"an empty line counts", "a\n\nb", "a\nb", false},
	} {
		if got := agree(outputLines(c.shown), outputLines(c.printed), false); got != c.want {
			t.Errorf("%s: %q against %q: got %t", c.name, c.shown, c.printed, got)
		}
	}
	if !agree([]string{"a"}, []string{"a", "b"}, true) {
		t.Error("what goes on printing may print more")
	}
}
