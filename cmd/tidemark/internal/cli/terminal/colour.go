// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"fmt"
	"io"
	"os"
)

// Colour is an escape sequence that begins a colour.
type Colour string

// The colours that verbs use.
const (
	Green  Colour = "\x1b[32m"
	Yellow Colour = "\x1b[33m"
	Red    Colour = "\x1b[31m"
	Cyan   Colour = "\x1b[36m"
	Bold   Colour = "\x1b[1m"
	Faint  Colour = "\x1b[2m"

	reset = "\x1b[0m"
)

// Paint puts text between the colour and the end of it. An empty colour leaves it as it is.
func (c Colour) Paint(text string) string {
	if c == "" || text == "" {
		return text
	}
	return string(c) + text + reset
}

// Is says whether a person looks at what is written to out, rather than a file or a program.
func Is(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Colours says whether a person looks who wants colours: see https://no-color.org.
func Colours(out io.Writer, getenv func(string) string) bool {
	return Is(out) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// ExitError ends a command with an exit code of its own, and without a word.
type ExitError int

// Error names the code.
func (e ExitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
