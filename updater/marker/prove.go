// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// second is the second reader: it hands out a file's documents one by one, so
// that only one is in memory.
type second struct{ dec *yaml.Decoder }

func readSecond(data []byte) second {
	return second{dec: yaml.NewDecoder(bytes.NewReader(data))}
}

// next returns the root of the next document, and nil at the end of the file.
func (s second) next() (root *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, &FileError{Err: ErrNotYAML, Reason: clipped(fmt.Sprint(p))}
		}
	}()
	var doc yaml.Node
	switch err := s.dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, notYAML(err)
	case doc.Kind != yaml.DocumentNode || len(doc.Content) != 1:
		return nil, &FileError{Err: ErrNotYAML, Reason: "a document has no value"}
	}
	return doc.Content[0], nil
}

var errorLine = regexp.MustCompile(`line (\d+): (.*)`)

func notYAML(err error) *FileError {
	e := &FileError{Err: ErrNotYAML, Reason: strings.TrimPrefix(err.Error(), "yaml: ")}
	defer func() { e.Reason = clipped(e.Reason) }()
	if m := errorLine.FindStringSubmatch(err.Error()); m != nil {
		if line, convErr := strconv.Atoi(m[1]); convErr == nil {
			e.Line, e.Reason = line, m[2]
		}
	}
	return e
}

// maxReason bounds what the second reader says, in bytes: it may quote the file.
const maxReason = 200

func clipped(reason string) string {
	if len(reason) <= maxReason {
		return reason
	}
	return strings.ToValidUTF8(reason[:maxReason], "") + "…"
}

// agree reports whether the second reader sees what the first one has seen.
func (f *file) agree() error {
	return f.prove(nil, nil, true)
}

// prove reports whether the file (if before) and the edited bytes (if there are
// edits) are the documents that the first reader has seen, the latter with exactly
// the edits. Of the edited bytes only those pieces are read that have edits.
func (f *file) prove(edited []byte, edits []edit, before bool) error {
	seen := comparison{reader: f.reader}
	var first, then second
	if before {
		first = readSecond(f.asVersion11(f.src, nil))
	}
	shift := 0 // by how much the edits so far have moved what follows
	for _, p := range f.pieces() {
		count := 0
		for count < len(edits) && edits[count].start < p.end {
			count++
		}
		mine := edits[:count]
		edits = edits[count:]
		if len(mine) > 0 {
			moved := shift + growth(mine)
			then = readSecond(f.asVersion11(edited[p.start+shift:p.end+moved], mine))
			shift = moved
		}
		if err := f.provePiece(p, mine, seen, first, then, before); err != nil {
			return err
		}
	}
	if before {
		_, err := seen.nextAsRead(first, none)
		return err
	}
	return nil
}

// asVersion11 returns the bytes with %YAML 1.1 for each %YAML 1.2, which the second
// reader refuses to read although it reads YAML 1.2 in all that matters here. A
// digit that is not in a directive cannot change unseen: it then is in a value, and
// the first reader holds the file's own value against it.
func (f *file) asVersion11(data []byte, edits []edit) []byte {
	if len(f.versions) == 0 {
		return data
	}
	data = bytes.Clone(data)
	moved := 0
	for _, at := range f.versions {
		for len(edits) > 0 && edits[0].start < int(at) {
			moved += growth(edits[:1])
			edits = edits[1:]
		}
		if at := int(at) + moved; at < len(data) && data[at] == '2' {
			data[at] = '1'
		}
	}
	return data
}

// provePiece takes the documents of a piece from one or both of the readings.
func (f *file) provePiece(p piece, edits []edit, seen comparison, first, then second, before bool) error {
	want, changed := comparison{reader: f.reader, edits: edits}, comparison{reader: f.reader, edits: edits}
	for _, doc := range p.docs {
		var a, b *yaml.Node
		var err error
		if before {
			if a, err = seen.nextAsRead(first, doc); err != nil {
				return err
			}
		}
		if len(edits) == 0 {
			continue
		}
		if b, err = want.nextAsRead(then, doc); err != nil {
			return f.edited(p, err)
		}
		if before {
			if err := changed.sameButEdits(doc, a, b); err != nil {
				return f.edited(p, err)
			}
		}
	}
	if len(edits) == 0 {
		return nil
	}
	if _, err := want.nextAsRead(then, none); err != nil {
		return f.edited(p, err)
	}
	return nil
}

// edited says of an error that it is about the edited file.
func (f *file) edited(p piece, err error) error {
	var e *FileError
	if errors.As(err, &e) && e.Line > 0 {
		e.Line += f.lineOf(p.start) - 1
	}
	return &FileError{Err: ErrUnproven, Reason: "the edited file: " + err.Error()}
}

// piece is a part of a file that means the same whether it is read alone or
// within the file: one of several documents, or the whole file.
type piece struct {
	docs       []int32
	start, end int
}

// pieces cuts a file at the lines with --- that begin its documents. Documents
// share nothing but directives (whose reach is a document, and which make a file a
// single piece here all the same), and such a line can be within nothing else.
func (f *file) pieces() []piece {
	if f.joined || len(f.docs) < 2 {
		return []piece{{docs: f.docs, start: 0, end: len(f.src)}}
	}
	pieces := make([]piece, len(f.docs))
	for i := range f.docs {
		pieces[i] = piece{docs: f.docs[i : i+1], start: int(f.starts[i]), end: len(f.src)}
		if i > 0 {
			pieces[i-1].end = pieces[i].start
		}
	}
	pieces[0].start = 0
	return pieces
}

// nextAsRead takes the next document from the second reader, and compares it.
// With no document it wants the end of the file.
func (c *comparison) nextAsRead(s second, doc int32) (*yaml.Node, error) {
	root, err := s.next()
	if err != nil {
		return nil, err
	}
	if (root == nil) != (doc == none) {
		return nil, unproven(root, "the number of documents")
	}
	if root == nil {
		return nil, nil
	}
	return root, c.sameAsRead(doc, root)
}

func unproven(n *yaml.Node, what string) *FileError {
	e := &FileError{Err: ErrUnproven, Reason: what}
	if n != nil {
		e.Line = n.Line
	}
	return e
}
