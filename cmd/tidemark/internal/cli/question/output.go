// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package question

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Output is the form of the answer: empty, the command's own; json or yaml.
type Output struct{ form string }

// Add adds the flag.
func (o *Output) Add(flags *pflag.FlagSet, own string) {
	flags.StringVarP(&o.form, "output", "o", "", "form of the output: json or yaml (default: "+own+")")
}

// Check refuses forms that are none.
func (o *Output) Check() error {
	switch o.form {
	case "", "json", "yaml":
		return nil
	}
	return fmt.Errorf("-o %s: the output is json or yaml", o.form)
}

// Own says that the answer is written in the command's own form.
func (o *Output) Own() bool { return o.form == "" }

// Write writes an answer of the API as JSON or YAML.
func (o *Output) Write(out io.Writer, answer proto.Message) error {
	text, err := protojson.Marshal(answer)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	if o.form == "yaml" {
		text, err = yamlOf(text)
	} else {
		var indented bytes.Buffer
		err = json.Indent(&indented, text, "", "    ")
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

// plain drops the styles of JSON; quotes come back where text needs them.
func plain(node *yaml.Node) {
	node.Style = 0
	for _, child := range node.Content {
		plain(child)
	}
}
