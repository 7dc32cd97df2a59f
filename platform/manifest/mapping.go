// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"regexp"
	"strconv"
	"sync"

	"go.yaml.in/yaml/v3"
)

// entry is one key of a mapping with its value, which may be an alias.
type entry struct {
	key       string
	at, value *yaml.Node
}

// mapping is a mapping's entries: its own in their order, then those that were merged in.
type mapping []entry

func (m mapping) find(key string) *entry {
	for i := range m {
		if m[i].key == key {
			return &m[i]
		}
	}
	return nil
}

// text is the string under a key; empty if there is none.
func (m mapping) text(key string) string {
	if e := m.find(key); e != nil {
		if v := deref(e.value); v.Kind == yaml.ScalarNode && v.ShortTag() == "!!str" {
			return v.Value
		}
	}
	return ""
}

// value is the node under a key, for its place; otherwise what it is missing from.
func (m mapping) value(key string, otherwise *yaml.Node) *yaml.Node {
	if e := m.find(key); e != nil {
		return e.value
	}
	return otherwise
}

func deref(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// entries lists a mapping's entries and reports doubled keys; `<<` is written out as YAML's merge type says: a mapping's
// own keys win, then the first of several mappings.
func (d *document) entries(n *yaml.Node, path string, depth int) mapping {
	return d.merged(n, path, depth, 0)
}

func (d *document) merged(n *yaml.Node, path string, depth, merges int) mapping {
	out := make(mapping, 0, len(n.Content)/2)
	index := make(map[string]*yaml.Node, len(n.Content)/2)
	var sources []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, value := n.Content[i], n.Content[i+1]
		if !d.spend(at, depth) {
			return out
		}
		if at.Kind == yaml.ScalarNode && at.ShortTag() == "!!merge" {
			sources = append(sources, value)
			continue
		}
		key, ok := d.key(deref(at), path)
		if !ok {
			continue
		}
		if first := index[key]; first != nil {
			d.errorf(at, join(path, key), "the key %s is here twice, first on line %d; keep one", ticked(key), d.where(first).line)
			continue
		}
		index[key] = at
		out = append(out, entry{key, at, value})
	}
	if len(sources) > 1 {
		d.errorf(sources[1], path, "the merge key `<<` is here twice; write `<<: [*first, *second]`")
		return out
	}
	for _, source := range sources {
		out = d.mergeIn(out, index, source, path, depth, merges+1)
	}
	return out
}

// mergeIn adds the entries of a merge key's value whose keys are not there yet.
func (d *document) mergeIn(out mapping, index map[string]*yaml.Node, source *yaml.Node, path string, depth, merges int) mapping {
	if !d.spend(source, depth) {
		return out
	}
	n := deref(source)
	if n.Kind == yaml.SequenceNode && source.Kind != yaml.AliasNode {
		for _, each := range n.Content {
			if deref(each).Kind != yaml.MappingNode {
				d.errorf(each, path, "the merge key `<<` takes mappings only, and %s", d.describe(deref(each)))
				return out
			}
			out = d.mergeIn(out, index, each, path, depth, merges)
		}
		return out
	}
	if n.Kind != yaml.MappingNode {
		d.errorf(source, path, "the merge key `<<` takes an alias of a mapping, and %s", d.describe(n))
		return out
	}
	if merges > maxMerges {
		d.errorf(source, path, "merge keys are nested deeper than %d; write the fields out", maxMerges)
		return out
	}
	for _, e := range d.merged(n, path, depth, merges) {
		if index[e.key] == nil {
			index[e.key] = e.at
			out = append(out, e)
		}
	}
	return out
}

// key reads a mapping's key. A whole number is taken as its digits, as Kubernetes does.
func (d *document) key(n *yaml.Node, path string) (string, bool) {
	if n.Kind == yaml.ScalarNode {
		switch n.ShortTag() {
		case "!!str", "!!timestamp":
			if !isOldBool(n) {
				return n.Value, true
			}
		case "!!int":
			if _, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
				return n.Value, true
			}
		}
	}
	d.errorf(n, path, "%s, and a key must be a string; quote it", d.describe(n))
	return "", false
}

var plainKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`) })

// join appends a field's name to a path; a name that would break the path is quoted, an overlong one cut.
func join(path, key string) string {
	if len(key) > maxShownValue || !plainKey().MatchString(key) {
		return joinKey(path, key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// joinKey appends the key of a map, joinIndex the index of a list.
func joinKey(path, key string) string { return path + "[" + strconv.Quote(shown(key)) + "]" }

func joinIndex(path string, index int) string { return path + "[" + strconv.Itoa(index) + "]" }
