// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"os"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
)

func TestVerdictsAreColoured(t *testing.T) {
	var out strings.Builder
	rows := [][]string{{"SELECTED", "2", "best"}, {"ELIGIBLE", "1", "older"}, {"OUT_OF_RANGE", "3", "too high"}}
	if err := table.New(&painter{out: &out}, []string{"VERDICT", "TAG", "REASON"}, false).Write(rows); err != nil {
		t.Fatal(err)
	}
	want := "VERDICT     \tTAG\tREASON\n" +
		green + "SELECTED" + reset + "    \t2  \tbest\n" +
		"ELIGIBLE    \t1  \tolder\n" +
		yellow + "OUT_OF_RANGE" + reset + "\t3  \ttoo high\n"
	if out.String() != want {
		t.Errorf("wrote %q\nwant  %q", out.String(), want)
	}
}

func TestColoursAreForTerminalsAlone(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	device, err := os.Open(os.DevNull) // a character device, as a terminal is
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = device.Close() }()
	env := func(pairs map[string]string) func(string) string {
		return func(name string) string { return pairs[name] }
	}
	for name, c := range map[string]struct {
		out  *os.File
		env  map[string]string
		want bool
	}{
		"a terminal":       {out: device, want: true},
		"NO_COLOR":         {out: device, env: map[string]string{"NO_COLOR": "1"}},
		"a dumb terminal":  {out: device, env: map[string]string{"TERM": "dumb"}},
		"a file or a pipe": {out: file},
	} {
		if v := (&verb{getenv: env(c.env)}); v.colours(c.out) != c.want {
			t.Errorf("%s: colours are %t", name, !c.want)
		}
	}
}
