// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package terminal writes what people read while a verb works: flux's symbols, one line each, on standard error.
//
// Names, messages and tags come from registries and repositories that anybody may fill. [Clean] takes out what a
// terminal would obey instead of show. Tables and YAML, which are the verbs' results, are written elsewhere.
package terminal

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// Progress writes progress lines. The zero value is not useful; make one with [New].
type Progress struct {
	out io.Writer
}

// New makes a Progress that writes to out, the command's standard error.
func New(out io.Writer) Progress { return Progress{out: out} }

// Action says what is done now: `► applying ImageRepository`.
func (p Progress) Action(format string, args ...any) { p.line("►", format, args...) }

// Generate says what is made before it is sent: `✚ generating ImageRepository`.
func (p Progress) Generate(format string, args ...any) { p.line("✚", format, args...) }

// Wait says what is waited for, or what came while waiting: `◎ waiting for ImageRepository reconciliation`.
func (p Progress) Wait(format string, args ...any) { p.line("◎", format, args...) }

// Success says what is done: `✔ scan fetched 2 tags`.
func (p Progress) Success(format string, args ...any) { p.line("✔", format, args...) }

// Warning says what a person should know though nothing failed.
func (p Progress) Warning(format string, args ...any) { p.line("⚠", format, args...) }

// Failure says what failed. Only what does not end the command is written by a verb itself: its last error is returned,
// and written once by the command line's end.
func (p Progress) Failure(format string, args ...any) { p.line("✗", format, args...) }

// Plain writes lines as they are, without a symbol, for example the line of a manifest that an error is about.
func (p Progress) Plain(text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		p.write(Clean(line) + "\n")
	}
}

func (p Progress) line(symbol, format string, args ...any) {
	lines := strings.Split(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n")
	for i, line := range lines {
		lines[i] = Clean(line)
	}
	// Further lines stand under the first one's text.
	p.write(symbol + " " + strings.Join(lines, "\n  ") + "\n")
}

// write drops the error: there is nowhere left to say that standard error is closed.
func (p Progress) write(text string) { _, _ = io.WriteString(p.out, text) }

// Clean returns text fit for one line of a terminal: line breaks and tabs become spaces, and control characters, among
// them those that begin escape sequences or turn the direction of writing, become `�`.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		default:
			return r
		}
	}, text)
}

// Count is a number of things: `1 file`, `3 files`.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// ErrShown ends a command with a failure that was written already.
var ErrShown = errors.New("failed as shown above")

// Errors writes an error that ends a command: each of several that are joined on its own line, none twice.
func (p Progress) Errors(err error) {
	shown := map[string]bool{}
	for _, each := range apart(err) {
		if _, silent := errors.AsType[ExitError](each); silent || errors.Is(each, ErrShown) {
			continue
		}
		sentence := rpcerr.Sentence(each)
		if shown[sentence] {
			continue
		}
		shown[sentence] = true
		p.Failure("%s", sentence)
	}
}

// apart takes apart what errors.Join has joined, and nothing that has words of its own.
func apart(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var texts []string
	for _, each := range joined.Unwrap() {
		texts = append(texts, each.Error())
	}
	if err.Error() != strings.Join(texts, "\n") {
		return []error{err}
	}
	var all []error
	for _, each := range joined.Unwrap() {
		all = append(all, apart(each)...)
	}
	return all
}
