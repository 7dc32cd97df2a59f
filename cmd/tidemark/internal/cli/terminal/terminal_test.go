// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"strings"
	"testing"
)

func TestLinesCarryTheirSymbol(t *testing.T) {
	var out strings.Builder
	p := New(&out)
	p.Generate("generating %s", "ImageRepository")
	p.Action("applying")
	p.Wait("waiting")
	p.Success("scan fetched %d tags", 2)
	p.Warning("careful")
	p.Failure("first\nsecond\n")
	p.Plain("as it is\n")
	want := "✚ generating ImageRepository\n► applying\n◎ waiting\n✔ scan fetched 2 tags\n⚠ careful\n✗ first\n  second\nas it is\n"
	if out.String() != want {
		t.Errorf("wrote\n%swant\n%s", out.String(), want)
	}
}

func TestCleanTakesOutWhatATerminalObeys(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"plain text":        {"found 2 tags: 7.8.1 é", "found 2 tags: 7.8.1 é"},
		"line breaks":       {"one\r\ntwo\tthree", "one  two three"},
		"an escape":         {"\x1b[2Jgone", "�[2Jgone"},
		"a C1 control":      {"a\u009bb", "a�b"},
		"a direction":       {"a\u202eb", "a�b"},
		"broken UTF-8":      {"a\xffb", "a�b"},
		"a bell and delete": {"\a\x7f", "��"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Clean(test.in); got != test.want {
				t.Errorf("Clean(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
}
