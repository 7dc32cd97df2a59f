// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// maxFile bounds the file, in bytes.
const maxFile = 1 << 20

// loadFile sets the flags that the file names and that are not given otherwise. Those, too, are checked for being flags.
func loadFile(fs *pflag.FlagSet, name string, given map[string]bool) error {
	data, err := readFile(name)
	if err != nil {
		return fmt.Errorf("--%s: %w", configFlag, err)
	}
	root, err := parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var errs []error
	seen := make(map[string]int)
	for i := 0; root != nil && i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if first, again := seen[key.Value]; again {
			errs = append(errs, fmt.Errorf("%s:%d: %s is already set in line %d", name, key.Line, key.Value, first))
			continue
		}
		seen[key.Value] = key.Line
		if err := setFromFile(fs, key, value, given); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, key.Line, err))
		}
	}
	return errors.Join(errs...)
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err // it has the name, and the caller adds the flag
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return data, err
}

// parse returns the file's one mapping; nil for an empty file.
func parse(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err // it has the line, and the caller adds the file
	}
	if err := decoder.Decode(&more); err == nil {
		return nil, fmt.Errorf("line %d: one document is wanted, and a second begins", more.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: a mapping of flags' names to values is wanted", root.Line)
	}
	return root, nil
}

func setFromFile(fs *pflag.FlagSet, key, value *yaml.Node, given map[string]bool) error {
	f := fs.Lookup(key.Value)
	if f == nil || f.Name == configFlag || f.Name == "help" {
		return fmt.Errorf("unknown key %q%s", key.Value, suggestion(fs, key.Value))
	}
	words, err := wordsOf(f, value)
	if err != nil || given[f.Name] {
		return err
	}
	if slice, ok := f.Value.(pflag.SliceValue); ok {
		if err := slice.Replace(words); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		f.Changed = true
		return nil
	}
	return set(f, words[0])
}

// wordsOf is the value's text, if it is of the flag's type: a list for a list, true for a switch, 5 for a number.
func wordsOf(f *pflag.Flag, value *yaml.Node) ([]string, error) {
	if _, isSlice := f.Value.(pflag.SliceValue); isSlice {
		return listOf(f, value)
	}
	tags, wanted := []string{"!!str"}, "a string"
	switch f.Value.Type() {
	case "bool":
		tags, wanted = []string{"!!bool"}, "true or false"
	case "int", "int32", "int64", "uint", "uint16", "uint32", "uint64", "count":
		tags, wanted = []string{"!!int"}, "a whole number"
	case "float32", "float64":
		tags, wanted = []string{"!!float", "!!int"}, "a number"
	case "duration":
		wanted = "a duration such as 30s"
	}
	if value.Kind != yaml.ScalarNode || !slices.Contains(tags, value.ShortTag()) {
		return nil, fmt.Errorf("%s: %s is wanted", f.Name, wanted)
	}
	return []string{value.Value}, nil
}

func listOf(f *pflag.Flag, value *yaml.Node) ([]string, error) {
	wrong := fmt.Errorf("%s: a list of strings is wanted", f.Name)
	if value.Kind != yaml.SequenceNode {
		return nil, wrong
	}
	words := make([]string, 0, len(value.Content))
	for _, item := range value.Content {
		if item.Kind != yaml.ScalarNode || item.ShortTag() != "!!str" {
			return nil, wrong
		}
		words = append(words, item.Value)
	}
	return words, nil
}

// suggestion names a flag that differs by a letter or two.
func suggestion(fs *pflag.FlagSet, key string) string {
	best, distance := "", 3
	fs.VisitAll(func(f *pflag.Flag) {
		if d := edits(key, f.Name); d < distance {
			best, distance = f.Name, d
		}
	})
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// edits is the Levenshtein distance, by Wagner and Fischer's two rows; long keys are not worth the time.
func edits(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
