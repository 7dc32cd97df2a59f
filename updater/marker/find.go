// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Find returns the markers of a file in the order of their values, and the
// comments that are meant as markers but cannot be obeyed. Of a file without the
// text of a marker it returns nothing, whatever else is in it. The error is a
// *FileError: the file as a whole cannot be read, or not alike by both readers.
func Find(data []byte, opts Options) ([]Marker, []Problem, error) {
	if !Mentions(data) {
		return nil, nil, nil
	}
	file, err := open(data, opts)
	if err != nil {
		return nil, nil, explained(data, err)
	}
	if len(file.comments) > 0 {
		if err := file.agree(); err != nil {
			return nil, nil, explained(data, err)
		}
	}
	markers := make([]Marker, 0, len(file.places))
	for _, p := range file.places {
		markers = append(markers, p.Marker)
	}
	return markers, file.problems, nil
}

// file is a file that the first reader has read.
type file struct {
	*reader
	places   []place
	problems []Problem
}

// place is a marker with its scalar.
type place struct {
	Marker
	node int32
	// comment is the line of the comment.
	comment int
}

// open reads a file and finds its markers.
func open(data []byte, opts Options) (*file, error) {
	opts = opts.withDefaults()
	if len(data) > opts.MaxBytes {
		return nil, &FileError{Err: ErrTooLarge, Reason: fmt.Sprintf(
			"%d bytes, and the limit is %d", len(data), opts.MaxBytes)}
	}
	if err := encoded(data); err != nil {
		return nil, err
	}
	r := read(data, opts)
	if r.err != nil {
		return nil, secondOpinion(data, r.err)
	}
	f := &file{reader: r}
	f.locate()
	return f, nil
}

// maxOpinion is the size of the largest file that the second reader is given
// although the first one, which also counts the nodes, cannot read it.
const maxOpinion = 256 << 10

// secondOpinion asks the second reader about a file that the first cannot read:
// its words are the better known ones, and if it can read the file, it is YAML.
func secondOpinion(data []byte, first *FileError) *FileError {
	if !errors.Is(first, ErrNotYAML) || errors.Is(first, ErrTemplate) || len(data) > maxOpinion {
		return first
	}
	s := readSecond(data)
	for {
		root, err := s.next()
		var second *FileError
		if errors.As(err, &second) {
			second.Line = cmp.Or(second.Line, first.Line)
			return second
		}
		if root == nil {
			return &FileError{Line: first.Line, Reason: first.Reason, Err: ErrUnproven}
		}
	}
}

// locate turns comments into places and problems.
func (f *file) locate() {
	found := make([]place, 0, len(f.comments))
	for _, c := range f.comments {
		ref, ignored, err := parseComment(string(f.src[c.start:c.end]))
		if ignored {
			continue
		}
		if err != nil {
			f.problem(Problem{Kind: Unreadable, Line: c.line + 1, Text: err.Error()})
			continue
		}
		n, problem := f.target(c)
		if problem == nil {
			problem = f.editable(n)
		}
		if problem != nil {
			problem.Line, problem.Ref = c.line+1, ref
			f.problem(*problem)
			continue
		}
		found = append(found, place{Marker: Marker{Ref: ref}, node: n, comment: c.line + 1})
	}
	slices.SortStableFunc(found, func(a, b place) int { return cmp.Compare(a.node, b.node) })
	f.places = make([]place, 0, len(found))
	for len(found) > 0 {
		same := 1
		for same < len(found) && found[same].node == found[0].node {
			same++
		}
		f.settle(found[:same])
		found = found[same:]
	}
	slices.SortStableFunc(f.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}

// settle takes the markers of one scalar: only a single one is obeyed.
func (f *file) settle(places []place) {
	p := places[0]
	if len(places) > 1 {
		for _, p := range places {
			f.problem(Problem{Kind: Ambiguous, Line: p.comment, Ref: p.Ref,
				Text: "several markers stand at one value"})
		}
		return
	}
	path, ok := f.path(p.node)
	if !ok {
		f.problem(Problem{Kind: NotEditable, Line: p.comment, Ref: p.Ref,
			Text: fmt.Sprintf("the path of the value is longer than %d bytes", maxPath)})
		return
	}
	nd := &f.nodes[p.node]
	p.Path = path
	p.Document = f.documentOf(p.node)
	p.Line, p.Column = f.lineOf(int(nd.start)), f.columnOf(int(nd.start))
	p.Object = f.object(p.node)
	if text, _, _ := f.line1(nd); text != nil && nd.body > 0 {
		p.Value = string(text)
	} else {
		p.Value = f.value(p.node)
	}
	f.places = append(f.places, p)
}

// documentOf returns the number of the document that a node is in.
func (f *file) documentOf(n int32) int {
	root := f.root(n)
	i, _ := slices.BinarySearchFunc(f.docs, root, func(doc, root int32) int {
		return cmp.Compare(f.nodes[doc].start, f.nodes[root].start)
	})
	return i
}

func (f *file) problem(p Problem) { f.problems = append(f.problems, p) }
