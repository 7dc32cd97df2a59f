// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is one mistake in a manifest, told to the person who can mend it.
type Error struct {
	// File as it was named to Decode, or found by Load. Empty: not of one file.
	File string
	// Line and Column count from 1; zero: not of one line.
	Line, Column int
	// Path is the field as the manifest spells it, for example `spec.policy.semver.range`. Empty: the whole document.
	Path string
	// Sentence says what is wrong and what to do.
	Sentence string
	// Kind, Namespace and Name of the object. Name is empty where it could not be read, Kind where it is missing.
	Kind, Namespace, Name string

	source excerpt
}

// Error is `file:line:column: path: sentence`, on one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(place(e.File, e.Line, e.Column))
	if e.Path != "" {
		b.WriteString(printable(e.Path) + ": ")
	}
	b.WriteString(e.Sentence)
	return b.String()
}

// Detail is Error, then the object, then Excerpt; it ends without a newline.
func (e *Error) Detail() string {
	var b strings.Builder
	b.WriteString(e.Error())
	if e.Name != "" {
		fmt.Fprintf(&b, "\n  in %s %s", shown(cmp.Or(e.Kind, "the object")), nameOf(shown(e.Namespace), shown(e.Name)))
	}
	if excerpt := e.Excerpt(); excerpt != "" {
		b.WriteString("\n" + excerpt)
	}
	return b.String()
}

// Excerpt is the line itself with its number, and a caret under the place; it ends without a newline. The line is cut to
// what fits a terminal, and what a terminal would obey is replaced. Empty where there is no line, or where it might hold a
// secret.
func (e *Error) Excerpt() string {
	if strings.TrimSpace(e.source.text) == "" {
		return ""
	}
	text, caret := window(e.source, e.Column)
	number := fmt.Sprintf("%5d", e.Line)
	out := number + " | " + text
	if caret >= 0 {
		out += "\n" + strings.Repeat(" ", len(number)) + " | " + strings.Repeat(" ", caret) + "^"
	}
	return out
}

// Warning is something that has no effect, which its author should know.
type Warning struct {
	// As in Error.
	File                  string
	Line, Column          int
	Path, Sentence        string
	Kind, Namespace, Name string
}

// String is `file:line:column: path: sentence`.
func (w *Warning) String() string {
	return (&Error{File: w.File, Line: w.Line, Column: w.Column, Path: w.Path, Sentence: w.Sentence}).Error()
}

// nameOf is `namespace/name`, or the name alone of what is in no namespace.
func nameOf(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}

func place(file string, line, column int) string {
	file = printable(file)
	switch {
	case file == "" && line == 0:
		return ""
	case line == 0:
		return file + ": "
	case column == 0:
		return fmt.Sprintf("%s:%d: ", file, line)
	default:
		return fmt.Sprintf("%s:%d:%d: ", file, line, column)
	}
}

// printable makes text from outside safe for a terminal, one character for one.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, s)
}

const maxShownValue = 60 // characters of a value inside a sentence

// shown is a value from outside as it stands in a sentence.
func shown(s string) string {
	if s = printable(s[:min(len(s), (maxShownValue+1)*utf8.UTFMax)]); utf8.RuneCountInString(s) > maxShownValue {
		return string([]rune(s)[:maxShownValue]) + "…"
	}
	return s
}

// ticked is shown, in backquotes.
func ticked(s string) string { return "`" + shown(s) + "`" }
