// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Part says which part of an image a marked value holds.
type Part int

// The parts of an image.
const (
	// Whole is name:tag, and @digest behind it if the policy has one.
	Whole Part = iota
	// Tag is the tag alone.
	Tag
	// Name is the image's name alone, without tag and digest.
	Name
	// Digest is the digest alone, as in sha256:0123….
	Digest
)

// String returns the suffix that asks for the part: tag, name, digest, or
// nothing for the whole.
func (p Part) String() string {
	switch p {
	case Tag:
		return "tag"
	case Name:
		return "name"
	case Digest:
		return "digest"
	case Whole:
	}
	return ""
}

// Ref is what a marker says: which policy, and which part of its image.
type Ref struct {
	Namespace, Name string
	Part            Part
}

// String returns the reference as it stands in a marker.
func (r Ref) String() string {
	s := r.Namespace + ":" + r.Name
	if r.Part != Whole {
		s += ":" + r.Part.String()
	}
	return s
}

// ErrRef says that a marker's text names no policy.
var ErrRef = errors.New("want <namespace>:<name>, and then nothing, :tag, :name or :digest")

// ParseRef reads <namespace>:<name>[:tag|:name|:digest]. The error is ErrRef.
func ParseRef(text string) (Ref, error) {
	namespace, rest, _ := strings.Cut(text, ":")
	name, part, hasPart := strings.Cut(rest, ":")
	if !objectName(namespace) || !objectName(name) || strings.Contains(part, ":") {
		return Ref{}, fmt.Errorf("%.80q names no policy: %w", text, ErrRef)
	}
	ref := Ref{Namespace: namespace, Name: name}
	if !hasPart {
		return ref, nil
	}
	switch part {
	case "tag":
		ref.Part = Tag
	case "name":
		ref.Part = Name
	case "digest":
		ref.Part = Digest
	default:
		return Ref{}, fmt.Errorf("%.80q asks for an unknown part: %w", text, ErrRef)
	}
	return ref, nil
}

// objectName reports whether s may be the name of an object or namespace.
func objectName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case (c == '-' || c == '.') && i > 0 && i < len(s)-1:
		default:
			return false
		}
	}
	return true
}

// maxComment bounds a comment with a marker, in bytes: two names of 253 and a part
// leave room enough for other keys.
const maxComment = 4 << 10

var errNotObject = errors.New("the marker is no JSON object of strings")

// parseComment reads a comment that mentions the key. The comment begins with its #.
// ignored is true for prose and for a line of YAML that is commented out with its marker.
func parseComment(comment string) (ref Ref, ignored bool, err error) {
	if len(comment) > maxComment {
		return Ref{}, false, fmt.Errorf("%w: the comment is longer than %d bytes", errNotObject, maxComment)
	}
	text := strings.TrimSpace(strings.TrimLeft(comment, "#"))
	if !strings.HasPrefix(text, "{") {
		at := strings.Index(text, Key)
		disabled := strings.LastIndexByte(text[:at], '#') >= 0
		meant := strings.Contains(text, `"`+Key+`"`) || strings.IndexByte(text[:at], '{') >= 0
		if disabled || !meant {
			return Ref{}, true, nil
		}
		return Ref{}, false, fmt.Errorf("%w: other text stands before it in the comment", errNotObject)
	}
	value, ok := usual(text)
	if !ok {
		if value, err = policyOf(text); err != nil {
			return Ref{}, false, err
		}
	}
	ref, err = ParseRef(value)
	return ref, false, err
}

// usual reads the marker as nearly all are written, with the one key and no
// escapes, much faster than a JSON reader.
func usual(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, `{"`+Key+`":`)
	if !ok {
		return "", false
	}
	rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " "), `"`)
	if !ok {
		return "", false
	}
	value, rest, ok := strings.Cut(rest, `"`)
	return value, ok && strings.TrimLeft(rest, " ") == "}" && all(value, refByte)
}

// refByte reports whether a byte may stand in a reference.
func refByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= ':' || c == '-' || c == '.'
}

func syntax(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut off", errNotObject)
	}
	return fmt.Errorf("%w: %w", errNotObject, err)
}

// policyOf returns the value of the key in a JSON object of strings.
func policyOf(text string) (string, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return "", errNotObject
	}
	value, found := "", 0
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return "", syntax(err)
		}
		v, err := dec.Token()
		if err != nil {
			return "", syntax(err)
		}
		s, ok := v.(string)
		if !ok {
			return "", fmt.Errorf("%w: the value of %.40q is no string", errNotObject, key)
		}
		if key == Key {
			value, found = s, found+1
		}
	}
	if _, err := dec.Token(); err != nil {
		return "", syntax(err)
	}
	if strings.TrimSpace(text[dec.InputOffset():]) != "" {
		return "", fmt.Errorf("%w: other text follows it in the comment", errNotObject)
	}
	if found != 1 {
		return "", fmt.Errorf("%w: it has the key %q %d times", errNotObject, Key, found)
	}
	return value, nil
}
