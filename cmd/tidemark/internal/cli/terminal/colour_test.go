// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"os"
	"testing"
)

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
		if Colours(c.out, env(c.env)) != c.want {
			t.Errorf("%s: colours are %t", name, !c.want)
		}
	}
}
