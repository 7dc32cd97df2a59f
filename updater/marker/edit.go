// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Verdict is what a Chooser says about a marker.
type Verdict int

const (
	// Unknown says that no policy has the marker's name; reported as Unmatched.
	Unknown Verdict = iota
	// Write says that the marker gets its part of the image.
	Write
	// Keep says that the value stays as it is, and nothing is reported.
	Keep
)

// Chooser says what a marker gets. It is called once for each marker, in order.
// Marker.Document and Marker.Path tell the places of a file apart: a second Edit
// can so keep what a first one would have changed; see also Result.Without.
type Chooser func(Marker) (Image, Verdict)

// ByRef makes a Chooser of a function that knows the policies' images.
func ByRef(lookup func(Ref) (Image, bool)) Chooser {
	return func(m Marker) (Image, Verdict) {
		image, ok := lookup(m.Ref)
		if !ok {
			return Image{}, Unknown
		}
		return image, Write
	}
}

// Change is one value that Edit has changed.
type Change struct {
	Marker
	// Old and New are the values before and after; Old equals Marker.Value.
	Old, New string
	// Image is what the Chooser gave.
	Image Image
}

// Result is an edited file.
type Result struct {
	// Data is the file after the edit; the very slice that was given if nothing changed.
	Data []byte
	// Changes are in the order of the values in the file; empty if all is current.
	Changes []Change
	// Problems are the markers that were not obeyed, in the order of their lines.
	Problems []Problem

	// What Without needs: the file before the edit, and what was put into it.
	source []byte
	edits  []edit
	opts   Options
}

// Without takes changes back after all: back says of each index in Changes
// whether that value stays as it was. What is left is proven anew. It is for
// callers that judge the changes of many files together before they write any: in
// the usual case, with nothing taken back, it costs nothing and returns the
// result itself. With all taken back Data is the slice that Edit was given, which
// a Result with changes keeps in memory. The error is a *FileError; then all is
// taken back.
func (r Result) Without(back func(index int) bool) (Result, error) {
	left := Result{Data: r.source, Problems: r.Problems, source: r.source, opts: r.opts}
	same := left
	for i, change := range r.Changes {
		if !back(i) {
			left.Changes, left.edits = append(left.Changes, change), append(left.edits, r.edits[i])
		}
	}
	switch len(left.Changes) {
	case len(r.Changes):
		return r, nil
	case 0:
		return same, nil
	}
	f := &file{reader: read(r.source, r.opts.withDefaults())}
	if f.err != nil {
		return same, f.err
	}
	left.Data = f.splice(left.edits)
	if err := f.prove(left.Data, left.edits, false); err != nil {
		return same, err
	}
	return left, nil
}

// Edit writes the images that choose gives at the markers of a file. Only the
// bytes of the marked scalars change; a plain scalar is quoted if its new value
// would not read as a string. A value that is already the text is left, quoted or
// not. The second reader confirms that the documents are the same but for the
// intended values. If it does not, or if the file cannot be read, nothing is
// changed and the error is a *FileError. Data is not modified. Edit may be called
// from many goroutines at once.
func Edit(data []byte, choose Chooser, opts Options) (Result, error) {
	same := Result{Data: data}
	if !Mentions(data) {
		return same, nil
	}
	file, err := open(data, opts)
	if err != nil {
		return same, explained(data, err)
	}
	if len(file.comments) == 0 {
		return same, nil
	}
	edits, changes := file.plan(choose)
	if len(edits) == 0 {
		same.Problems = file.problems
		if opts.Trusted {
			return same, nil
		}
		return same, explained(data, file.agree())
	}
	edited := file.splice(edits)
	if err := file.prove(edited, edits, !opts.Trusted); err != nil {
		return same, explained(data, err)
	}
	return Result{
		Data: edited, Changes: changes, Problems: file.problems,
		source: data, edits: edits, opts: opts,
	}, nil
}

// edit replaces the bytes [start, end) by text. The scalar then means value.
type edit struct {
	node       int32
	start, end int
	text       string
	value      string
}

// style is how the new text of a scalar without quotes reads.
func (e edit) style() yaml.Style {
	if strings.HasSuffix(e.text, `"`) {
		return yaml.DoubleQuotedStyle
	}
	return 0
}

// growth is the number of bytes that edits add, or take if it is negative.
func growth(edits []edit) int {
	n := 0
	for _, e := range edits {
		n += len(e.text) - (e.end - e.start)
	}
	return n
}

// plan asks for the image of each marker.
func (f *file) plan(choose Chooser) ([]edit, []Change) {
	var edits []edit
	var changes []Change
	for _, p := range f.places {
		image, verdict := choose(p.Marker)
		if verdict == Keep {
			continue
		}
		if verdict == Unknown {
			f.refuse(p, Unmatched, fmt.Sprintf("no policy has the name %s:%s", p.Namespace, p.Name))
			continue
		}
		text, err := p.Part.Render(image)
		if err != nil {
			f.refuse(p, kindOf(err), "the value stays as it is: "+err.Error())
			continue
		}
		if text == p.Value {
			continue
		}
		edits = append(edits, f.edit(p.node, text))
		changes = append(changes, Change{Marker: p.Marker, Old: p.Value, New: text, Image: image})
	}
	return edits, changes
}

func kindOf(err error) ProblemKind {
	switch {
	case errors.Is(err, ErrNoDigest):
		return NoDigest
	case errors.Is(err, ErrNoImage):
		return NoImage
	}
	return BadImage
}

func (f *file) refuse(p place, kind ProblemKind, text string) {
	f.problem(Problem{Kind: kind, Line: p.Line, Text: text, Ref: p.Ref, Path: p.Path})
}

// edit makes the edit that gives a scalar a new value in its own style.
func (f *file) edit(n int32, value string) edit {
	nd := &f.nodes[n]
	e := edit{node: n, start: int(nd.start), end: int(nd.end), text: value, value: value}
	switch nd.style {
	case singleStyle:
		e.text = "'" + value + "'"
	case doubleStyle:
		e.text = `"` + value + `"`
	case plainStyle:
		e.text = plainOrQuoted(value)
	case emptyStyle:
		e.text = " " + plainOrQuoted(value)
	case literalStyle, foldedStyle:
		old := f.value(n)
		text, start, end := f.line1(nd)
		e.start, e.end = start, end
		e.value = value + old[len(text):]
	}
	return e
}

// splice returns the file with the edits made.
func (f *file) splice(edits []edit) []byte {
	out := make([]byte, 0, len(f.src)+growth(edits))
	at := 0
	for _, e := range edits {
		out = append(out, f.src[at:e.start]...)
		out = append(out, e.text...)
		at = e.end
	}
	return append(out, f.src[at:]...)
}
