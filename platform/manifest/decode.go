// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const refineBudget = 2 << 20 // bytes of text parsed again per file to find the lines of syntax errors

// Decode reads all documents of one file; name is what errors call it. The set keeps data, for the lines that
// Object.Violation shows, so that it must not be changed. What is wrong is in the set; nothing that data holds makes it
// panic.
func (c *Codec) Decode(name string, data []byte, opts Options) *Set {
	r := c.newReader(opts)
	r.file(name, data)
	return r.set
}

// reader gathers what is read of one or many files.
type reader struct {
	codec *Codec
	opts  Options
	set   *Set
	seen  map[identity]string // the place where an object was first read
}

type identity struct {
	groupKind
	namespace, name string
}

func (c *Codec) newReader(opts Options) *reader {
	return &reader{
		codec: c,
		opts:  opts.withDefaults(),
		set:   &Set{Skipped: map[string]int{}},
		seen:  map[identity]string{},
	}
}

// fail reports a mistake that is not of one document.
func (r *reader) fail(e *Error) { r.set.Errors = append(r.set.Errors, e) }

// fileReader is what the documents of one file share.
type fileReader struct {
	*reader
	source   *source
	nodes    int // how many more values may be visited
	octets   int // how many more bytes they may hold
	refine   int // how many more bytes may be parsed to find lines
	reported int // how many have been reported
}

func (r *reader) file(name string, data []byte) {
	if int64(len(data)) > r.opts.MaxFileBytes {
		r.fail(&Error{File: name, Sentence: tooLarge(r.opts.MaxFileBytes)})
		return
	}
	f := &fileReader{
		reader: r, source: newSource(name, jsonAsYAML(data)), nodes: maxNodes, octets: aliasedBytes * len(data), refine: refineBudget,
	}
	for i, c := range f.source.chunks() {
		if i == maxDocuments {
			f.report(f.at(position{c.first, 0}, fmt.Sprintf("more than %d documents in one file; split it", maxDocuments)))
			return
		}
		if f.chunk(c); f.spent() {
			return
		}
	}
}

// spent says that the file has used up what it may.
func (f *fileReader) spent() bool { return f.nodes < 0 || f.octets < 0 }

// report hands in an error of the file; after the thousandth it says once that there are more.
func (f *fileReader) report(e *Error) {
	switch f.reported++; {
	case f.reported <= maxFileErrors:
		f.fail(e)
	case f.reported == maxFileErrors+1:
		f.fail(&Error{File: e.File, Line: e.Line, Sentence: "more mistakes than are shown from here on; mend those above first"})
	}
}

func tooLarge(limit int64) string {
	return fmt.Sprintf("the file is larger than %d bytes; split it", limit)
}

func (f *fileReader) at(p position, sentence string) *Error {
	return &Error{
		File: f.source.name, Line: p.line, Column: p.column, Sentence: sentence, source: f.source.excerpt(p),
	}
}

// chunk reads one document.
func (f *fileReader) chunk(c chunk) {
	if at, invalid, found := c.unprintable(); found {
		sentence := "a control character, which YAML forbids; remove it, or write it as an escape in double quotes"
		if invalid {
			sentence = "not UTF-8; save the file as UTF-8"
		}
		f.failHidden(c, f.at(at, sentence))
		return
	}
	if c.values() > maxNodes {
		f.report(f.at(position{c.first, 0}, "the document holds too many values; split it"))
		return
	}
	node, err := parseYAML(c.text)
	if err != nil {
		f.failHidden(c, f.syntaxError(c, err))
		return
	}
	if node == nil {
		return
	}
	d := &document{fileReader: f, places: c.places(), secret: holdsSecret(node)}
	d.read(node, 0, nil)
}

// failHidden reports a mistake in a document that could not be parsed, without its text if that might be a Secret.
func (f *fileReader) failHidden(c chunk, e *Error) {
	if looksSecret().Match(c.text) {
		e.source = excerpt{}
	}
	f.report(e)
}

func (f *fileReader) syntaxError(c chunk, err error) *Error {
	sentence, line := syntaxSentence(err, looksSecret().Match(c.text))
	at := position{line: c.first + culprit(c, &f.refine) - 1}
	if at.line < c.first {
		at.line = min(c.places().of(position{line: max(line, 1)}).line, c.first+len(c.lines)-1)
	}
	e := f.at(at, sentence)
	if column, found := tabIndent(e.source.text); found {
		e.Column, e.Sentence = column, "a tab in the indentation, where YAML allows spaces only; replace it with spaces"
	} else {
		e.Column = len(e.source.text) - len(strings.TrimLeft(e.source.text, " ")) + 1
	}
	return e
}

// document is what is known of the document being read.
type document struct {
	*fileReader
	places
	ident     struct{ kind, namespace, name string }
	secret    bool // the text may hold a secret: no value and no line of it is shown
	errors    []*Error
	warnings  []*Warning
	positions map[string]position
	stopped   bool
}

// errorf reports a mistake at a node; beyond the tenth of a document it says nothing more.
func (d *document) errorf(n *yaml.Node, path, format string, args ...any) {
	if len(d.errors) == maxErrors {
		return
	}
	e := d.at(d.where(n), fmt.Sprintf(format, args...))
	e.Path = path
	if d.secret {
		e.source = excerpt{}
	}
	d.errors = append(d.errors, e)
}

func (d *document) warnf(n *yaml.Node, path, format string, args ...any) {
	p := d.where(n)
	d.warnings = append(d.warnings, &Warning{
		File: d.source.name, Line: p.line, Column: p.column, Path: path, Sentence: fmt.Sprintf(format, args...),
	})
}

// spend counts a visited value; false: there have been too many, and the document is given up. A few lines of aliases of
// aliases would otherwise stand for billions.
func (d *document) spend(n *yaml.Node, depth int) bool {
	if d.stopped {
		return false
	}
	d.nodes--
	if n.Kind == yaml.ScalarNode {
		d.octets -= len(n.Value)
	}
	switch {
	case d.spent():
		d.errors = nil
		d.errorf(n, "", "the file holds too much, aliases written out; split it, or use fewer aliases")
	case depth > maxDepth:
		d.errors = nil
		d.errorf(n, "", "values are nested deeper than %d; is an alias part of itself?", maxDepth)
	default:
		return true
	}
	d.stopped = true
	return false
}

// finish puts the document's name on all that was said of it, and hands it in; false: it has errors.
func (d *document) finish() bool {
	if d.stopped {
		// What was given up may hold more than the object that it began with.
		d.ident.name = ""
	}
	for _, e := range d.errors {
		e.Kind, e.Namespace, e.Name = d.ident.kind, d.ident.namespace, d.ident.name
	}
	for _, w := range d.warnings {
		w.Kind, w.Namespace, w.Name = d.ident.kind, d.ident.namespace, d.ident.name
	}
	slices.SortStableFunc(d.errors, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for _, e := range d.errors {
		d.report(e)
	}
	d.set.Warnings = append(d.set.Warnings, d.warnings...)
	return len(d.errors) == 0
}
