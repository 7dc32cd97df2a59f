// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/base64"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/tidemark-io/tidemark/platform/misspelling"
)

// scalar reads one value of a field, or of a list's item or a map's value; false: reported.
func (d *document) scalar(n *yaml.Node, fd protoreflect.FieldDescriptor, path string) (protoreflect.Value, bool) {
	if n.Kind == yaml.ScalarNode && !coreTag(n.ShortTag()) {
		d.errorf(n, path, "%s has no meaning here; remove it", d.tag(n))
		return protoreflect.Value{}, false
	}
	switch fd.Kind() {
	case protoreflect.StringKind:
		s, ok := d.text(n, path)
		return protoreflect.ValueOfString(s), ok
	case protoreflect.BoolKind:
		return d.boolean(n, path)
	case protoreflect.EnumKind:
		return d.enum(n, fd.Enum(), path)
	case protoreflect.BytesKind:
		return d.bytes(n, path)
	case protoreflect.MessageKind:
		if fd.Message().FullName() == durationName {
			return d.duration(n, path)
		}
		return d.timestamp(n, path)
	default:
		return d.number(n, fd, path)
	}
}

func coreTag(tag string) bool {
	switch tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!merge":
		return true
	}
	return false
}

// isOldBool finds the words that YAML 1.1, and so Kubernetes, reads as booleans and YAML 1.2 as strings.
func isOldBool(n *yaml.Node) bool {
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) != 0 {
		return false
	}
	_, is := oldBools[n.Value]
	return is
}

var oldBools = map[string]bool{
	"yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
}

// value is a scalar as it may be shown.
func (d *document) value(n *yaml.Node) string {
	if d.secret {
		return "the value"
	}
	return ticked(n.Value)
}

// tag is a node's tag as it may be shown; a password that begins with `!` is one.
func (d *document) tag(n *yaml.Node) string {
	if d.secret {
		return "the YAML tag"
	}
	return "the YAML tag " + ticked(n.ShortTag())
}

// describe says what a node is, as the beginning of a sentence.
func (d *document) describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "this is a mapping"
	case n.Kind == yaml.SequenceNode:
		return "this is a list"
	case isNull(n):
		return "there is no value"
	case n.ShortTag() == "!!bool" || isOldBool(n):
		return d.value(n) + " is a boolean"
	case n.ShortTag() == "!!int" || n.ShortTag() == "!!float":
		return d.value(n) + " is a number"
	}
	return d.value(n) + " is a string"
}

func (d *document) wrongType(n *yaml.Node, wanted string) string {
	sentence := d.describe(n) + ", and " + wanted + " is wanted"
	if wanted == "a list" {
		sentence += "; write each value on a line of its own behind `- `"
	}
	return sentence
}

// text reads a string. A date is one, as Kubernetes has it; a number or boolean is not.
func (d *document) text(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.errorf(n, path, "%s", d.wrongType(n, "a string"))
		return "", false
	}
	tag := n.ShortTag()
	if (tag == "!!str" && !isOldBool(n)) || tag == "!!timestamp" || tag == "!!merge" {
		return n.Value, true
	}
	if !coreTag(tag) {
		d.errorf(n, path, "%s has no meaning here; remove it, or quote a value that begins with `!`", d.tag(n))
		return "", false
	}
	quoted := "quote it"
	if !d.secret {
		quoted += `: "` + shown(n.Value) + `"`
	}
	d.errorf(n, path, "%s; %s", d.wrongType(n, "a string"), quoted)
	return "", false
}

func (d *document) boolean(n *yaml.Node, path string) (v protoreflect.Value, ok bool) {
	if n.Kind == yaml.ScalarNode {
		if n.ShortTag() == "!!bool" {
			return protoreflect.ValueOfBool(strings.EqualFold(n.Value, "true")), true
		}
		if isOldBool(n) {
			return protoreflect.ValueOfBool(oldBools[n.Value]), true
		}
	}
	hint := ""
	if n.Kind == yaml.ScalarNode && (strings.EqualFold(n.Value, "true") || strings.EqualFold(n.Value, "false")) {
		hint = "; remove the quotes"
	}
	d.errorf(n, path, "%s%s", d.wrongType(n, "true or false"), hint)
	return v, false
}

func (d *document) enum(n *yaml.Node, desc protoreflect.EnumDescriptor, path string) (v protoreflect.Value, ok bool) {
	var allowed []string
	for i := range desc.Values().Len() {
		value := desc.Values().Get(i)
		s, listed := spelling(value)
		if n.Kind == yaml.ScalarNode && s == n.Value {
			return protoreflect.ValueOfEnum(value.Number()), true
		}
		if listed {
			allowed = append(allowed, s)
		}
	}
	if n.Kind != yaml.ScalarNode {
		d.errorf(n, path, "%s", d.wrongType(n, enumerate(allowed, "or")))
		return v, false
	}
	if near := misspelling.Nearest(n.Value, allowed); near != "" {
		d.errorf(n, path, "unknown value %s; did you mean %s? use %s", d.value(n), ticked(near), enumerate(allowed, "or"))
		return v, false
	}
	d.errorf(n, path, "unknown value %s; use %s", d.value(n), enumerate(allowed, "or"))
	return v, false
}

func (d *document) bytes(n *yaml.Node, path string) (v protoreflect.Value, ok bool) {
	s, ok := d.text(n, path)
	if !ok {
		return v, false
	}
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		d.errorf(n, path, "not base64; encode the value")
		return v, false
	}
	return protoreflect.ValueOfBytes(data), true
}

// duration reads Go's form, which is Kubernetes'.
func (d *document) duration(n *yaml.Node, path string) (v protoreflect.Value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		d.errorf(n, path, "%s; write it with its unit, for example 30s, 5m or 1h30m", d.wrongType(n, "a duration"))
		return v, false
	}
	parsed, err := time.ParseDuration(n.Value[:min(len(n.Value), maxWord)])
	switch {
	case err != nil || len(n.Value) > maxWord:
		d.errorf(n, path, "%s is no duration; write it as a number with its unit, for example 30s, 5m or 1h30m", d.value(n))
	case parsed < 0:
		d.errorf(n, path, "%s is negative; a duration is zero or more", d.value(n))
	default:
		return protoreflect.ValueOfMessage(durationpb.New(parsed).ProtoReflect()), true
	}
	return v, false
}

func (d *document) timestamp(n *yaml.Node, path string) (v protoreflect.Value, ok bool) {
	if n.Kind == yaml.ScalarNode && len(n.Value) <= maxWord {
		if t, err := time.Parse(time.RFC3339Nano, n.Value); err == nil {
			return protoreflect.ValueOfMessage(timestamppb.New(t).ProtoReflect()), true
		}
	}
	d.errorf(n, path, "%s; for example 2026-01-31T15:04:05Z", d.wrongType(n, "a time in RFC 3339"))
	return v, false
}
