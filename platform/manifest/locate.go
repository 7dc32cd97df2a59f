// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Locate finds where a field was written. The path is a service's, `spec.image_repository_ref.name`, or a manifest's,
// `spec.imageRepositoryRef.name`; a request's field in front of it (`image_policy.spec…`) is left out. A field that was
// not written is where the closest thing around it is.
func (o *Object) Locate(path string) (line, column int) {
	_, p := o.locate(path)
	return p.line, p.column
}

// ManifestPath is a service's path as the manifest spells it.
func (o *Object) ManifestPath(path string) string {
	spelled, _ := o.locate(path)
	return spelled[len(spelled)-1]
}

// Violation shows a service's complaint about a field at the line where it was written.
func (o *Object) Violation(path, sentence string) *Error {
	spelled, p := o.locate(path)
	return &Error{
		File: o.File, Line: p.line, Column: p.column, Path: spelled[len(spelled)-1], Sentence: sentence,
		Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, source: o.source.excerpt(p),
	}
}

// locate spells the path and each path around it, from the outermost, and finds the place of the innermost written.
func (o *Object) locate(path string) (spelled []string, at position) {
	spelled = o.spell(splitPath(path))
	for i := len(spelled) - 1; i >= 0; i-- {
		if p, ok := o.positions[spelled[i]]; ok {
			return spelled, p
		}
	}
	return spelled, position{line: o.Line}
}

// spell walks the segments through the message's fields; what it does not know it keeps as it is.
func (o *Object) spell(segments []string) []string {
	desc := o.Message.ProtoReflect().Descriptor()
	if len(segments) > 1 && fieldOf(desc, segments[0]) == nil && fieldOf(desc, segments[1]) != nil {
		segments = segments[1:]
	}
	path, out := "", []string{""}
	var inside protoreflect.FieldDescriptor // the list or map whose item comes next
	for _, segment := range segments {
		if strings.HasPrefix(segment, "[") {
			if key, err := strconv.Unquote(strings.Trim(segment, "[]")); err == nil {
				path = joinKey(path, key)
			} else {
				path += segment
			}
			desc = itemMessage(inside)
			out = append(out, path)
			continue
		}
		wrapped := desc != nil && isListMessage(desc)
		inside = fieldOf(desc, segment)
		switch {
		case inside == nil:
			path = join(path, segment)
			desc = nil
		case wrapped:
			// The wrapped list is written in the wrapper's place.
		default:
			path = join(path, inside.JSONName())
			desc = inside.Message()
		}
		out = append(out, path)
	}
	return out
}

func itemMessage(fd protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	switch {
	case fd == nil:
		return nil
	case fd.IsMap():
		return fd.MapValue().Message()
	default:
		return fd.Message()
	}
}

func fieldOf(desc protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if desc == nil {
		return nil
	}
	if fd := desc.Fields().ByTextName(name); fd != nil {
		return fd
	}
	return desc.Fields().ByJSONName(name)
}

// splitPath cuts `a.b[0].c["x.y"]` into a, b, [0], c, ["x.y"].
func splitPath(path string) []string {
	var out []string
	for path != "" {
		var segment string
		switch {
		case strings.HasPrefix(path, "[\""):
			quoted, err := strconv.QuotedPrefix(path[1:])
			if err != nil {
				return append(out, path)
			}
			segment = path[:min(len(quoted)+2, len(path))]
		case path[0] == '[':
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return append(out, path)
			}
			segment = path[:end+1]
		default:
			end := strings.IndexAny(path[1:], ".[") + 1
			if end == 0 {
				end = len(path)
			}
			segment = path[:end]
		}
		path = strings.TrimPrefix(path[len(segment):], ".")
		out = append(out, segment)
	}
	return out
}

// String names the object and its place.
func (o *Object) String() string {
	return fmt.Sprintf("%s %s/%s (%s:%d)", o.Kind, o.Namespace, o.Name, o.File, o.Line)
}
