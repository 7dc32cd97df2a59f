// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
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
			root, err = nil, &FileError{Err: ErrNotYAML, Reason: fmt.Sprint(p)}
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
	if m := errorLine.FindStringSubmatch(err.Error()); m != nil {
		if line, convErr := strconv.Atoi(m[1]); convErr == nil {
			e.Line, e.Reason = line, m[2]
		}
	}
	return e
}

// agree reports whether the second reader sees what the first one has seen.
func (f *file) agree() error {
	return f.prove(nil, nil, true, false)
}

// prove reports whether the file (if before) and the edited bytes (if after)
// are the documents that the first reader has seen, the latter with exactly the
// edits.
func (f *file) prove(edited []byte, edits []edit, before, after bool) error {
	seen := comparison{reader: f.reader}
	want := comparison{reader: f.reader, want: make(map[int32]string, len(edits))}
	for _, e := range edits {
		want.want[e.node] = e.value
	}
	var first, then second
	if before {
		first = readSecond(f.src)
	}
	if after {
		then = readSecond(edited)
	}
	for _, doc := range append(slices.Clone(f.docs), none) {
		var a, b *yaml.Node
		var err error
		if before {
			if a, err = seen.nextAsRead(first, doc); err != nil {
				return err
			}
		}
		if after {
			if b, err = want.nextAsRead(then, doc); err != nil {
				return &FileError{Err: ErrUnproven, Reason: "the edited file: " + err.Error()}
			}
		}
		if a != nil && b != nil {
			if err := want.sameButEdits(doc, a, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextAsRead takes the next document from the second reader, and compares it.
// With no document it wants the end of the file.
func (c comparison) nextAsRead(s second, doc int32) (*yaml.Node, error) {
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
