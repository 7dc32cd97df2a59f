// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package message

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

// Default is the message of an automation without a template.
const Default = "Update from image update automation"

// MaxText and MaxOutput bound a template's text and its message, in bytes.
const (
	MaxText   = 64 << 10
	MaxOutput = 64 << 10
)

var (
	// ErrTooLong says that a template's text is longer than MaxText.
	ErrTooLong = errors.New("the message template is too long")
	// ErrTemplate is in every Error of this package.
	ErrTemplate = errors.New("the message template is wrong")
	// ErrLimit says that a template builds, writes or computes too much.
	ErrLimit = errors.New("the message template does too much")
)

// Error says where a template is wrong.
type Error struct {
	// Line is from 1, and 0 if it is not known.
	Line int
	// Reason is a sentence's end for people.
	Reason string
	err    error
}

// Error returns line and reason.
func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("message template, line %d: %s", e.Line, e.Reason)
	}
	return "message template: " + e.Reason
}

// Unwrap returns ErrTemplate and what it comes from.
func (e *Error) Unwrap() []error { return []error{ErrTemplate, e.err} }

// Template is a template that could be parsed. It is safe for concurrent use.
type Template struct{ parsed *template.Template }

// Parse reads a template. The empty text means Default. The error is an *Error,
// or ErrTooLong.
func Parse(text string) (*Template, error) {
	if text == "" {
		text = Default
	}
	if len(text) > MaxText {
		return nil, fmt.Errorf("%w: %d bytes, and the limit is %d", ErrTooLong, len(text), MaxText)
	}
	parsed, err := template.New("message").Funcs((&budget{}).functions()).Parse(text)
	if err != nil {
		return nil, explain(err)
	}
	w := walker{calls: make(map[string][]string)}
	for _, t := range parsed.Templates() {
		if t.Tree != nil && t.Root != nil {
			w.template(t.Tree)
		}
	}
	if name, ok := w.cycle(); ok {
		reason := fmt.Sprintf("the template %.80q calls itself", name)
		return nil, &Error{Reason: reason, err: ErrLimit}
	}
	return &Template{parsed: parsed}, nil
}

// Render returns the message. A template that prints nothing gives Default. The
// error is an *Error; it is also ErrLimit if the template does too much.
func (t *Template) Render(data Data) (message string, err error) {
	defer func() {
		if p := recover(); p != nil {
			message, err = "", explain(fmt.Errorf("%w: %v", ErrTemplate, p))
		}
	}()
	parsed, err := t.parsed.Clone()
	if err != nil {
		return "", explain(err)
	}
	b := &budget{}
	parsed.Funcs(b.functions())
	out := &output{}
	if err := parsed.Execute(out, data); err != nil {
		return "", explain(err)
	}
	message = strings.ReplaceAll(strings.ToValidUTF8(out.String(), "\uFFFD"), "\x00", "\uFFFD")
	if strings.TrimSpace(message) == "" {
		return Default, nil
	}
	return message, nil
}

// output takes at most MaxOutput bytes.
type output struct{ strings.Builder }

// Write fails when the message becomes too long.
func (o *output) Write(p []byte) (int, error) {
	if o.Len()+len(p) > MaxOutput {
		return 0, fmt.Errorf("%w: the message is longer than %d bytes", ErrLimit, MaxOutput)
	}
	return o.Builder.Write(p)
}

var place = regexp.MustCompile(`^template: [^:]*:(\d+)(?::\d+)?: (?s:(.*))$`)

// explain takes the words of text/template apart.
func explain(err error) *Error {
	e := &Error{Reason: err.Error(), err: err}
	if m := place.FindStringSubmatch(err.Error()); m != nil {
		if line, convErr := strconv.Atoi(m[1]); convErr == nil {
			e.Line, e.Reason = line, m[2]
		}
	}
	if len(e.Reason) > maxReason {
		e.Reason = strings.ToValidUTF8(e.Reason[:maxReason], "") + "…"
	}
	return e
}

const maxReason = 500
