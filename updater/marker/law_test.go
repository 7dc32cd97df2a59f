// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// checkLaw proves an edit without the package's own reader: cutting the old and
// the new values out leaves equal bytes, and the documents, as another parser
// reads them, differ by exactly the values that the changes name.
func checkLaw(t *testing.T, before []byte, result marker.Result) {
	t.Helper()
	if len(result.Changes) == 0 {
		if len(before) > 0 && &before[0] != &result.Data[0] {
			t.Error("nothing changed, but the data is another slice")
		}
		return
	}
	if bytes.Equal(before, result.Data) {
		t.Error("changes are reported, but the bytes are the same")
	}
	checkBytes(t, before, result)
	old, now := documents(t, before), documents(t, result.Data)
	if len(old) != len(now) {
		t.Fatalf("%d documents became %d", len(old), len(now))
	}
	edited := make(map[*yaml.Node]marker.Change)
	for _, c := range result.Changes {
		n := walk(old[c.Document], c.Path)
		if n == nil {
			t.Fatalf("document %d has no %s", c.Document, c.Path)
		}
		if strings.TrimRight(n.Value, "\n") != strings.TrimRight(c.Old, "\n") {
			t.Errorf("%s was %q, not %q", c.Path, n.Value, c.Old)
		}
		edited[n] = c
	}
	for i := range old {
		checkNodes(t, old[i], now[i], edited)
	}
}

// checkBytes goes through both texts from change to change: what is between two
// of them must be the same bytes. Of values whose text is not simply their
// value (escapes, several lines, blocks) it leaves the exact end open.
func checkBytes(t *testing.T, before []byte, result marker.Result) {
	t.Helper()
	at, now := 0, 0 // how far before and after are gone through
	for _, c := range result.Changes {
		start := offsetOf(before, c.Line, c.Column)
		same := before[at:start]
		if !bytes.HasPrefix(result.Data[now:], same) {
			t.Fatalf("other bytes before line %d changed", c.Line)
		}
		at, now = start, now+len(same)
		oldText, ok1 := spelling(before[at:], c.Old)
		newText, ok2 := spelling(result.Data[now:], c.New)
		if !ok1 || !ok2 {
			return
		}
		at, now = at+len(oldText), now+len(newText)
	}
	if !bytes.Equal(before[at:], result.Data[now:]) {
		t.Fatal("the bytes behind the last change are not the same")
	}
}

// spelling returns how a value is written at the beginning of a text.
func spelling(text []byte, value string) (string, bool) {
	forms := []string{"'" + value + "'", `"` + value + `"`, ` "` + value + `"`, " " + value, value}
	if value == "" && !bytes.HasPrefix(text, []byte(`""`)) && !bytes.HasPrefix(text, []byte("''")) {
		return "", true
	}
	for _, form := range forms {
		if value != "" || form != " " {
			if bytes.HasPrefix(text, []byte(form)) {
				return form, true
			}
		}
	}
	return "", false
}

// offsetOf returns the offset of a line and a column in characters.
func offsetOf(b []byte, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		at += bytes.IndexAny(b[at:], "\r\n")
		if bytes.HasPrefix(b[at:], []byte("\r\n")) {
			at++
		}
		at++
	}
	if bytes.HasPrefix(b[at:], []byte("\ufeff")) {
		at += 3
	}
	for ; column > 1; column-- {
		_, size := utf8.DecodeRune(b[at:])
		at += size
	}
	return at
}

// version12 is a directive that the reference reader refuses for its number.
var version12 = regexp.MustCompile(`(?m)^%YAML 1\.2\b`)

func documents(t *testing.T, data []byte) []*yaml.Node {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(version12.ReplaceAll(data, []byte("%YAML 1.1"))))
	var docs []*yaml.Node
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			t.Fatalf("the reference reader: %v\n%q", err, data)
		}
		docs = append(docs, doc.Content[0])
	}
}

// walk goes a path down from a root.
func walk(n *yaml.Node, path string) *yaml.Node {
	for path != "" && n != nil {
		var key string
		index, byKey := -1, false
		switch {
		case strings.HasPrefix(path, `["`):
			quoted, err := strconv.QuotedPrefix(path[1:])
			if err != nil {
				return nil
			}
			if key, err = strconv.Unquote(quoted); err != nil {
				return nil
			}
			path = path[1+len(quoted)+1:]
		case path[0] == '[':
			end := strings.IndexByte(path, ']')
			number, isKey := strings.CutPrefix(path[1:end], "?")
			byKey = isKey
			i, err := strconv.Atoi(number)
			if err != nil {
				return nil
			}
			index, path = i, path[end+1:]
		default:
			path = strings.TrimPrefix(path, ".")
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			key, path = path[:end], path[end:]
		}
		if byKey && n.Kind == yaml.MappingNode && 2*index+1 < len(n.Content) {
			n = n.Content[2*index+1]
			continue
		}
		n = child(n, key, index)
	}
	return n
}

func child(n *yaml.Node, key string, index int) *yaml.Node {
	if n.Kind == yaml.SequenceNode && index >= 0 && index < len(n.Content) {
		return n.Content[index]
	}
	if n.Kind == yaml.MappingNode && index < 0 {
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

func checkNodes(t *testing.T, old, now *yaml.Node, edited map[*yaml.Node]marker.Change) {
	t.Helper()
	change, ok := edited[old]
	switch {
	case old.Kind != now.Kind || len(old.Content) != len(now.Content) || old.Anchor != now.Anchor:
		t.Fatalf("line %d: a node changed its shape", old.Line)
	case ok && strings.TrimRight(now.Value, "\n") != change.New:
		t.Errorf("%s became %q, not %q", change.Path, now.Value, change.New)
	case ok && now.Style&yaml.TaggedStyle == 0 && now.Tag != "!!str":
		t.Errorf("%s became %s %q", change.Path, now.Tag, now.Value)
	case !ok && (old.Value != now.Value || old.Tag != now.Tag || old.Style != now.Style):
		t.Errorf("line %d: %q became %q", old.Line, old.Value, now.Value)
	}
	for i := range old.Content {
		checkNodes(t, old.Content[i], now.Content[i], edited)
	}
}
