// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
)

// Encode writes an object as flux's export does: `---`, the last apiVersion, kind, metadata (name, namespace, labels and
// annotations only) and spec; keys sorted, durations in Go's form. Errors: ErrNotAKind; a value that has no spelling.
func (c *Codec) Encode(m proto.Message, opts ...EncodeOption) ([]byte, error) {
	tree, err := c.tree(m, opts)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("---\n")
	w := yaml.NewEncoder(&out)
	w.SetIndent(2)
	w.CompactSeqIndent()
	if err := w.Encode(yamlNode(tree)); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return out.Bytes(), nil
}

// EncodeJSON writes an object as JSON: the same tree as Encode, indented by four as kubectl does, with a newline at the
// end. Errors: as Encode.
func (c *Codec) EncodeJSON(m proto.Message, opts ...EncodeOption) ([]byte, error) {
	tree, err := c.tree(m, opts)
	if err != nil {
		return nil, err
	}
	return marshalJSON(tree)
}

// EncodeJSONList writes objects as one `v1/List` in JSON, in their order. Errors: as Encode.
func (c *Codec) EncodeJSONList(ms []proto.Message, opts ...EncodeOption) ([]byte, error) {
	items := make([]any, len(ms))
	for i, m := range ms {
		tree, err := c.tree(m, opts)
		if err != nil {
			return nil, err
		}
		items[i] = tree
	}
	return marshalJSON(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}

func marshalJSON(tree any) ([]byte, error) {
	var out bytes.Buffer
	w := json.NewEncoder(&out)
	w.SetEscapeHTML(false)
	w.SetIndent("", "    ")
	if err := w.Encode(tree); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return hidden().ReplaceAllFunc(out.Bytes(), func(c []byte) []byte {
		r, _ := utf8.DecodeRune(c)
		return fmt.Appendf(nil, `\u%04x`, r)
	}), nil
}

// hidden are the characters that JSON may hold as they are, which YAML forbids or changes, and a terminal obeys.
var hidden = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[\x{7f}-\x{9f}\x{feff}\x{fffe}\x{ffff}]`) })

// yamlNode turns a tree into nodes, with mappings sorted by their keys' bytes.
func yamlNode(v any) *yaml.Node {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, yamlString(key, false), yamlNode(v[key]))
		}
		return inlineIfEmpty(n)
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range v {
			n.Content = append(n.Content, yamlNode(item))
		}
		return inlineIfEmpty(n)
	case string:
		return yamlString(v, true)
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
	default:
		n := &yaml.Node{}
		if err := n.Encode(v); err != nil {
			// What is left are numbers, which all have a form.
			return yamlString(fmt.Sprint(v), false)
		}
		return n
	}
}

// inlineIfEmpty writes `{}` and `[]`, which have no other form.
func inlineIfEmpty(n *yaml.Node) *yaml.Node {
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	return n
}

// looksLikeOther finds the strings that only a reader of YAML 1.1 takes for a boolean, a number or a date; the library
// quotes those of 1.2.
var looksLikeOther = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^((?i:y|n|yes|no|on|off)|=|[-+]?[0-9][0-9_.,:eE+-]*)$`)
})

// dottedVersion finds versions of three parts and more among them, which no reader takes for anything else.
var dottedVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+(\.[0-9]+){2,}$`) })

// yamlString picks the form that each reader of YAML, of 1.1 and 1.2 alike, takes back as the same string: plain where
// nothing can go wrong, a literal block for tidy text of several lines, else double quotes.
func yamlString(s string, block bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	switch {
	case block && strings.Contains(s, "\n") && isTidy(s):
		n.Style = yaml.LiteralStyle
	case !isPrintableLine(s) || (looksLikeOther().MatchString(s) && !dottedVersion().MatchString(s)):
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// isTidy says whether a literal block gives the text back byte for byte, whatever reads it: printable lines without blanks
// at their ends, and none at the text's beginning.
func isTidy(s string) bool {
	if unicode.IsSpace(rune(s[0])) || strings.HasSuffix(s, "\n\n") {
		return false
	}
	for line := range strings.SplitSeq(s, "\n") {
		if !isPrintableLine(line) || strings.TrimRight(line, " ") != line {
			return false
		}
	}
	return true
}

func isPrintableLine(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
