// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package output writes a verb's answer as JSON or YAML where `-o` asks for it. Stored objects are not its business:
// manifests have a codec of their own.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// The forms; empty is the command's own.
const (
	JSON = "json"
	YAML = "yaml"
	Wide = "wide"
	Name = "name"
)

// Form is the form of the answer that `-o` asks for. The zero value is the command's own.
type Form struct {
	form    string
	further []string
}

// Add adds the flag. own says what the command's own form is; further forms are taken beside json and yaml.
func (f *Form) Add(flags *pflag.FlagSet, own string, further ...string) {
	f.further = further
	flags.StringVarP(&f.form, "output", "o", "", "form of the output: "+f.forms()+" (default: "+own+")")
}

func (f *Form) forms() string {
	all := append(slices.Clone(f.further), JSON, YAML)
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

// Check refuses forms that are none.
func (f *Form) Check() error {
	if f.form == "" || f.form == JSON || f.form == YAML || slices.Contains(f.further, f.form) {
		return nil
	}
	return fmt.Errorf("-o %s: the output is %s", f.form, f.forms())
}

// Own says that the answer is written in the command's own form.
func (f *Form) Own() bool { return f.form == "" }

// Is says whether this form is asked for.
func (f *Form) Is(form string) bool { return f.form == form }

// Document says whether the answer is written as a document, which [Form.Write] and [Form.WriteValue] do.
func (f *Form) Document() bool { return f.form == JSON || f.form == YAML }

// Write writes an answer of the API as JSON or YAML, in the contract's names.
func (f *Form) Write(out io.Writer, answer proto.Message) error {
	text, err := protojson.Marshal(answer)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return f.write(out, text)
}

// WriteValue writes a value as JSON or YAML, in the names of its JSON tags.
func (f *Form) WriteValue(out io.Writer, value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return f.write(out, text.Bytes())
}

func (f *Form) write(out io.Writer, text []byte) error {
	var err error
	if f.form == YAML {
		text, err = yamlOf(text)
	} else {
		var indented bytes.Buffer
		err = json.Indent(&indented, bytes.TrimSpace(text), "", "    ")
		text = append(indented.Bytes(), '\n')
	}
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	if _, err := out.Write(text); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// yamlOf keeps the order of the fields: JSON is YAML of another style.
func yamlOf(text []byte) ([]byte, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, fmt.Errorf("read the JSON: %w", err)
	}
	plain(&node)
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return nil, fmt.Errorf("write the YAML: %w", err)
	}
	return b.Bytes(), nil
}

// plain drops the styles of JSON; quotes come back where text needs them. Empty lists and mappings stay as they are.
func plain(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode || len(node.Content) > 0 {
		node.Style = 0
	}
	for _, child := range node.Content {
		plain(child)
	}
}
