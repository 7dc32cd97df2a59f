// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"
)

// reader reads YAML into nodes that know their byte offsets. It takes some
// files that are no YAML, because the second reader refuses those; where it is
// strict, and where it stops a scalar, decides which bytes may be edited.
type reader struct {
	src       []byte
	pos       int
	lineStart int // offset of the line that pos is in
	line      int // its number, from 0
	maxNodes  int
	maxMarks  int
	returns   bool // there are carriage returns in the file

	nodes    []node
	scalars  []int32 // all scalars and aliases, by offset
	docs     []int32 // the root of each document
	starts   []int32 // the offset of each document's ---
	joined   bool    // the file has directives, or a document without --- that is not the first
	versions []int32 // the offset of the 2 in each %YAML 1.2
	comments []comment
	last     token
	depth    int
	before   int // the number of nodes in the documents before this one
	err      *FileError

	// What is worked out once and only if asked for.
	lists   map[int32]int32           // the items of a root that is a list
	objects map[int32]ObjectID        // the identity of a mapping
	twice   map[int32]map[string]bool // the doubled keys of a mapping
	lines   []int32                   // the offset of each line
}

// token is what was read last before a comment.
type token struct {
	kind tokenKind
	node int32
	end  int // offset behind it
	line int
}

type tokenKind uint8

const (
	noToken      tokenKind = iota
	valueToken             // a scalar, or the header of a block scalar
	aliasToken             // an alias
	closeToken             // ] or }
	leadingToken           // : - ? [ { --- , or an anchor or a tag: a node is to follow
	commaToken             // the comma behind anything but a scalar of the same line
)

// comment is a comment with the key of a marker in it.
type comment struct {
	start, end int
	line       int
	ownLine    bool
	after      token
}

// read reads a whole file.
func read(src []byte, opts Options) *reader {
	r := &reader{src: src, maxNodes: opts.MaxNodes, maxMarks: opts.MaxMarkers}
	r.returns = bytes.IndexByte(src, '\r') >= 0
	lines := bytes.Count(src, []byte("\n")) + 1
	guess := min(5*lines/2, len(src)/8, opts.MaxNodes) + 16 // manifests have about 2.3 nodes in a line
	r.nodes, r.scalars = make([]node, 0, guess), make([]int32, 0, guess)
	r.bom()
	for r.err == nil && r.document() {
	}
	return r
}

func (r *reader) bom() {
	if bytes.HasPrefix(r.src[r.pos:], []byte("\ufeff")) {
		r.pos += 3
		r.lineStart = r.pos
	}
}

// document reads the next document. It returns false at the end of the file.
func (r *reader) document() bool {
	explicit, start := false, 0
	for {
		r.skip()
		switch {
		case r.pos >= len(r.src):
			return false
		case r.boundary() && r.src[r.pos] == '.':
			r.pos += 3
			r.mark(noToken, none)
			r.restOfLine()
			continue
		case r.src[r.pos] == '%' && r.pos == r.lineStart:
			r.directive()
			continue
		case r.boundary():
			start = r.pos
			r.pos += 3
			r.mark(leadingToken, none)
			explicit = true
		}
		break
	}
	if r.before = len(r.nodes); len(r.docs) >= maxDocuments {
		r.fail(r.pos, ErrTooComplex, "it has more than "+strconv.Itoa(maxDocuments)+" documents")
		return false
	}
	root := r.blockNode(-1, !explicit, false)
	if r.err != nil {
		return false
	}
	r.joined = r.joined || !explicit && len(r.docs) > 0
	r.docs, r.starts = append(r.docs, root), append(r.starts, offset(start))
	r.skip()
	if r.pos < len(r.src) && !r.boundary() && (r.src[r.pos] != '%' || r.pos != r.lineStart) {
		r.failHere("text follows the end of the document's value")
	}
	return true
}

// version12 is the directive that the second reader refuses for its number alone.
const version12 = "%YAML 1.2"

// directive goes over a line that begins with %.
func (r *reader) directive() {
	r.joined = true
	if bytes.HasPrefix(r.src[r.pos:], []byte(version12)) && r.blankAt(r.pos+len(version12)) {
		r.versions = append(r.versions, offset(r.pos+len(version12)-1))
	}
	r.toLineEnd()
}

// restOfLine wants nothing but a comment in what is left of the line.
func (r *reader) restOfLine() {
	line := r.line
	r.skip()
	if r.line == line && r.pos < len(r.src) {
		r.failHere("text follows the end of the document")
	}
}

// fail stops the reading. The first failure counts.
func (r *reader) fail(at int, err error, reason string) {
	if r.err == nil {
		r.err = &FileError{Line: r.lineOf(at), Reason: reason, Err: err}
	}
	r.pos = len(r.src)
}

func (r *reader) failHere(reason string) { r.fail(r.pos, ErrNotYAML, reason) }

// lineStarts returns the offset of each line.
func (r *reader) lineStarts() []int32 {
	if r.lines != nil {
		return r.lines
	}
	r.lines = append(make([]int32, 0, 2+bytes.Count(r.src, []byte("\n"))), 0)
	if !r.returns {
		for at := bytes.IndexByte(r.src, '\n') + 1; at > 0; {
			r.lines = append(r.lines, offset(at))
			next := bytes.IndexByte(r.src[at:], '\n') + 1
			if next == 0 {
				break
			}
			at += next
		}
		return r.lines
	}
	for i, c := range r.src {
		if c == '\n' || c == '\r' && (i+1 >= len(r.src) || r.src[i+1] != '\n') {
			r.lines = append(r.lines, offset(i+1))
		}
	}
	return r.lines
}

// lineOf returns the number, from 1, of the line that an offset is in.
func (r *reader) lineOf(at int) int {
	line, found := slices.BinarySearch(r.lineStarts(), offset(at))
	if found {
		line++
	}
	return line
}

// columnOf returns the column of an offset, from 1, in characters.
func (r *reader) columnOf(at int) int {
	before := r.src[r.lineStarts()[r.lineOf(at)-1]:at]
	return 1 + utf8.RuneCount(bytes.TrimPrefix(before, []byte("\ufeff")))
}

// done reports whether the document ends here.
func (r *reader) done() bool { return r.pos >= len(r.src) || r.boundary() }

// boundary reports whether --- or ... stands here at the beginning of a line.
func (r *reader) boundary() bool {
	if r.pos != r.lineStart || r.pos+3 > len(r.src) {
		return false
	}
	c := r.src[r.pos]
	return (c == '-' || c == '.') && r.src[r.pos+1] == c && r.src[r.pos+2] == c && r.blankAt(r.pos+3)
}

// blankAt reports whether a blank, a line break or the end stands there.
func (r *reader) blankAt(at int) bool {
	if at >= len(r.src) {
		return true
	}
	switch r.src[at] {
	case ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// at reports whether an indicator stands here with a blank behind it.
func (r *reader) at(indicator byte) bool {
	return r.pos < len(r.src) && r.src[r.pos] == indicator && r.blankAt(r.pos+1)
}

func (r *reader) peek() byte {
	if r.pos < len(r.src) {
		return r.src[r.pos]
	}
	return 0
}

func (r *reader) column() int { return r.pos - r.lineStart }

// mark remembers the token that ends here.
func (r *reader) mark(kind tokenKind, n int32) {
	r.last = token{kind: kind, node: n, end: r.pos, line: r.line}
}

// skip goes over blanks, line breaks and comments to the next token.
func (r *reader) skip() {
	for r.pos < len(r.src) {
		switch r.src[r.pos] {
		case ' ', '\t':
			r.pos++
		case '\n', '\r':
			r.newline()
		case '#':
			r.comment()
		case 0xEF:
			at := r.pos
			if r.column() == 0 {
				r.bom()
			}
			if at == r.pos {
				return
			}
		default:
			return
		}
	}
}

// blanks goes over blanks within the line.
func (r *reader) blanks() {
	for r.pos < len(r.src) && (r.src[r.pos] == ' ' || r.src[r.pos] == '\t') {
		r.pos++
	}
}

// newline goes over one line break.
func (r *reader) newline() {
	if r.src[r.pos] == '\r' && r.pos+1 < len(r.src) && r.src[r.pos+1] == '\n' {
		r.pos++
	}
	r.pos++
	r.line++
	r.lineStart = r.pos
}

// toLineEnd goes to the line break, or the end.
func (r *reader) toLineEnd() {
	if r.returns {
		for r.pos < len(r.src) && r.src[r.pos] != '\n' && r.src[r.pos] != '\r' {
			r.pos++
		}
		return
	}
	if end := bytes.IndexByte(r.src[r.pos:], '\n'); end >= 0 {
		r.pos += end
	} else {
		r.pos = len(r.src)
	}
}

// comment goes over a comment, and keeps it if it may be a marker.
func (r *reader) comment() {
	start := r.pos
	r.toLineEnd()
	if !bytes.Contains(r.src[start:r.pos], []byte(Key)) {
		return
	}
	if len(r.comments) >= r.maxMarks {
		r.fail(start, ErrTooManyMarkers, "")
		return
	}
	own := len(bytes.Trim(r.src[r.lineStart:start], " \t\ufeff")) == 0
	r.comments = append(r.comments, comment{
		start: start, end: r.pos, line: r.line, ownLine: own, after: r.last,
	})
}
