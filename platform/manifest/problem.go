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

	source string
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

// Detail is Error, then the object, and the line itself with a caret under the place; it ends without a newline. The
// line is left out where it might hold a secret.
func (e *Error) Detail() string {
	var b strings.Builder
	b.WriteString(e.Error())
	if e.Name != "" {
		fmt.Fprintf(&b, "\n  in %s %s", shown(cmp.Or(e.Kind, "the object")), nameOf(shown(e.Namespace), shown(e.Name)))
	}
	if strings.TrimSpace(e.source) == "" {
		return b.String()
	}
	text, caret := window(e.source, e.Column)
	number := fmt.Sprintf("%5d", e.Line)
	fmt.Fprintf(&b, "\n%s | %s", number, text)
	if caret >= 0 {
		fmt.Fprintf(&b, "\n%s | %s^", strings.Repeat(" ", len(number)), strings.Repeat(" ", caret))
	}
	return b.String()
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

const (
	maxShownValue  = 60  // characters of a value inside a sentence
	maxShownSource = 120 // characters of a line
)

// window cuts a line to what fits a terminal, around the column, and says where in it the caret stands; -1: nowhere.
func window(line string, column int) (text string, caret int) {
	runes := []rune(printable(strings.TrimRight(line, " \t")))
	caret = min(column-1, len(runes))
	start := 0
	if len(runes) > maxShownSource {
		start = max(0, min(caret-maxShownSource/2, len(runes)-maxShownSource))
		runes = runes[start : start+maxShownSource]
	}
	return string(runes), caret - start
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

// shown is a value from outside as it stands in a sentence.
func shown(s string) string {
	if s = printable(s[:min(len(s), (maxShownValue+1)*utf8.UTFMax)]); utf8.RuneCountInString(s) > maxShownValue {
		return string([]rune(s)[:maxShownValue]) + "…"
	}
	return s
}

// ticked is shown, in backquotes.
func ticked(s string) string { return "`" + shown(s) + "`" }
