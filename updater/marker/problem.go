// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"bytes"
	"errors"
	"fmt"
)

// ProblemKind says what kept one marker from being found or written.
type ProblemKind int

// The kinds of problems.
const (
	// Unreadable: the comment is meant as a marker but is no JSON object of
	// strings, or names no policy.
	Unreadable ProblemKind = iota + 1
	// Dangling: no value stands where the marker points.
	Dangling
	// Ambiguous: several values stand on the line below, several markers claim
	// one value, or the value's key occurs twice in its mapping.
	Ambiguous
	// NotScalar: the marked value is a mapping, a sequence, an alias or a key.
	NotScalar
	// NotEditable: the value is a scalar that cannot hold an image: a block of
	// several lines, or a value with a tag such as !!int.
	NotEditable
	// Unmatched: no policy has the marker's name.
	Unmatched
	// NoDigest: a digest is asked for and the policy has none.
	NoDigest
	// NoImage: the policy has not chosen an image yet.
	NoImage
	// BadImage: the policy's image cannot be part of an image reference.
	BadImage
)

// String returns the kind as one word.
func (k ProblemKind) String() string {
	names := [...]string{
		"unknown", "unreadable", "dangling", "ambiguous", "notScalar", "notEditable",
		"unmatched", "noDigest", "noImage", "badImage",
	}
	if k < 0 || int(k) >= len(names) {
		return names[0]
	}
	return names[k]
}

// Problem is one marker that was not obeyed. Its value stays as it is; the rest
// of the file is not affected.
type Problem struct {
	Kind ProblemKind
	// Line is the line of the comment, from 1; of a marker that was found and not
	// written, the line of its value.
	Line int
	// Text is a sentence for people, without file name and line.
	Text string
	// Ref is what the marker says; zero if it is unreadable.
	Ref Ref
	// Path is the path of the value; empty if none was found.
	Path string
}

// String returns line, sentence and reference.
func (p Problem) String() string {
	return fmt.Sprintf("line %d: %s", p.Line, p.Text)
}

// Why a whole file was left alone; each comes inside a FileError.
var (
	// ErrTooLarge says that the file is larger than Options.MaxBytes.
	ErrTooLarge = errors.New("the file is too large")
	// ErrTooManyMarkers says that the file has more markers than Options.MaxMarkers.
	ErrTooManyMarkers = errors.New("the file has too many markers")
	// ErrTooComplex says that the file has more nodes than Options.MaxNodes or is
	// nested too deeply.
	ErrTooComplex = errors.New("the file is too complex")
	// ErrEncoding says that the file is not in UTF-8.
	ErrEncoding = errors.New("the file is not in UTF-8")
	// ErrNotYAML says that the file cannot be read as YAML.
	ErrNotYAML = errors.New("the file is not YAML")
	// ErrTemplate says that {{ stands where a value is to begin. To the letter that
	// is YAML, a mapping whose key is a mapping, but no manifest means it: it is a
	// template, as of Helm. It is an ErrNotYAML.
	ErrTemplate = fmt.Errorf("%w: it is a template", ErrNotYAML)
	// ErrUnproven says that the two YAML readers do not agree about the file, or
	// about the edited file: nothing was changed.
	ErrUnproven = errors.New("two YAML readers do not agree about the file")
)

// FileError says why a whole file was left alone.
type FileError struct {
	// Line is where, from 1, and 0 if that is not known.
	Line int
	// Reason is a sentence's end for people: what was found there; may be empty.
	Reason string
	// Err is one of the errors above.
	Err error
}

// Error returns the line, the error and the reason.
func (e *FileError) Error() string {
	s := e.Err.Error()
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Line > 0 {
		s = fmt.Sprintf("line %d: %s", e.Line, s)
	}
	return s
}

// explained adds to an error what is in the file that nobody can see.
func explained(data []byte, err error) error {
	var e *FileError
	if errors.As(err, &e) && (errors.Is(err, ErrNotYAML) || errors.Is(err, ErrUnproven)) && !errors.Is(err, ErrTemplate) &&
		bytes.ContainsAny(data, "\u0085\u2028\u2029") {
		e.Reason += "; it has a line separator (U+0085, U+2028 or U+2029), which ends a line in YAML 1.1 and not in YAML 1.2"
	}
	return err
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }
