// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// mapping reads a mapping whose keys are known.
func (r reader) mapping(n *yaml.Node, known map[string]func(*yaml.Node) error) error {
	return r.each(n, func(key, value *yaml.Node) error {
		take := known[key.Value]
		if take == nil {
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			return r.wrong(key, "unknown key %q; there is %s", key.Value, strings.Join(names, ", "))
		}
		return take(value)
	})
}

// each reads a mapping, key by key.
func (r reader) each(n *yaml.Node, take func(key, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return r.wrong(n, "a mapping is wanted")
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch first, again := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode || key.Value == "<<":
			return r.wrong(key, "a plain key is wanted")
		case again:
			return r.wrong(key, "%s is already set in line %d", key.Value, first)
		case value.Kind == yaml.AliasNode || value.Anchor != "":
			return r.wrong(value, "anchors and aliases are not read here")
		}
		seen[key.Value] = key.Line
		if err := take(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) text(n *yaml.Node, to *string) error {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		return r.wrong(n, "a text is wanted; put it into quotes")
	}
	*to = n.Value
	return nil
}

// filePath reads the path of a file, which is made absolute.
func (r reader) filePath(n *yaml.Node, to *string) error {
	if err := r.text(n, to); err != nil {
		return err
	}
	if *to != "" && !filepath.IsAbs(*to) {
		*to = filepath.Join(r.folder, *to)
	}
	return nil
}

func (r reader) truth(n *yaml.Node, to *bool) error {
	value, err := strconv.ParseBool(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || err != nil {
		return r.wrong(n, "true or false is wanted")
	}
	*to = value
	return nil
}

func (r reader) list(n *yaml.Node, to *[]string) error {
	if n.Kind != yaml.SequenceNode {
		return r.wrong(n, "a list is wanted: the program, then each of its arguments")
	}
	for _, item := range n.Content {
		var text string
		if err := r.text(item, &text); err != nil {
			return err
		}
		*to = append(*to, text)
	}
	return nil
}

func (r reader) duration(n *yaml.Node, to *time.Duration) error {
	d, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || d <= 0 || d > maxTimeout {
		return r.wrong(n, "a duration up to %s is wanted, for example 10s", maxTimeout)
	}
	*to = d
	return nil
}
