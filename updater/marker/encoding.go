// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"bytes"
	"unicode/utf8"
)

// Mentions reports whether the text of a marker occurs in data at all, in UTF-8,
// UTF-16 or UTF-32. A file without it needs no further look, whether it is YAML or
// not. Files in other encodings than UTF-8 are not edited; Find and Edit say so.
func Mentions(data []byte) bool {
	if bytes.Contains(data, []byte(Key)) {
		return true
	}
	return wide(data) != ""
}

// wide names the encoding of a file that is not in UTF-8 and has the text of a
// marker; it is empty for all others.
func wide(data []byte) string {
	if len(data) < 2*len(Key) {
		return ""
	}
	// A byte order mark, or a first character of ASCII.
	if data[0] < 0xFE && data[0] != 0 && data[1] != 0 {
		return ""
	}
	// Without the zeros around it the text is the same in either byte order.
	if bytes.Contains(data, spread(Key, 2)) {
		return "UTF-16"
	}
	if bytes.Contains(data, spread(Key, 4)) {
		return "UTF-32"
	}
	return ""
}

// spread puts a text's characters at a distance, with zeros between them.
func spread(text string, width int) []byte {
	out := make([]byte, width*(len(text)-1)+1)
	for i := range len(text) {
		out[i*width] = text[i]
	}
	return out
}

// encoded says, as an error, that a file is not in UTF-8.
func encoded(data []byte) *FileError {
	if name := wide(data); name != "" {
		return &FileError{Err: ErrEncoding, Reason: "it is in " + name + "; save it as UTF-8"}
	}
	if utf8.Valid(data) {
		return nil
	}
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	line := &reader{src: data[:at], returns: true}
	return &FileError{Line: line.lineOf(at), Err: ErrEncoding, Reason: "these bytes are no character of UTF-8"}
}
