// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// errSecondDocument says that the parser sees two documents where the text has one.
var errSecondDocument = errors.New("a document ends where the line does not say so")

// parseYAML reads one document into nodes; nil without an error: there is nothing in it.
func parseYAML(text []byte) (node *yaml.Node, err error) {
	defer func() {
		// The parser answers with errors; should it ever panic over a text, that text is refused like any other.
		if r := recover(); r != nil {
			node, err = nil, fmt.Errorf("the YAML parser gave up: %v", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // Nothing there is an answer, and no error.
	} else if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	if err := decoder.Decode(&more); err == nil {
		return nil, errSecondDocument
	} else if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("parse: %w", err)
	}
	if len(doc.Content) == 0 {
		return nil, nil //nolint:nilnil // As above.
	}
	return doc.Content[0], nil
}

var (
	parserLine   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:parse: )?yaml: (?:line (\d+): )?(.*)$`) })
	undefinedRef = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^unknown anchor '(.*)' referenced$`) })
)

// hints translate the parser's words into what to do.
var hints = []struct{ problem, sentence string }{
	{"mapping values are not allowed", "a second `: ` on a line, or a wrong indentation; quote a value that holds `: `, or mend the indentation"},
	{"did not find expected key", "the indentation does not fit the lines above; line it up with the key it belongs beside"},
	{"did not find expected '-' indicator", "the line does not fit the list above; begin it with `- `, or mend the indentation"},
	{"block sequence entries are not allowed", "a list begins where none can; put it on a line of its own below the key"},
	{"could not find expected ':'", "a key without `: `; add the colon and a space, or quote the text"},
	{"found unexpected end of stream", "a quote is opened and never closed; close it"},
	{"found character that cannot start any token", "a value begins with a character that YAML keeps for itself; quote the value"},
	{"did not find expected ',' or", "a `[` or `{` is not closed, or a comma is missing; mend it"},
	{"did not find expected node content", "a value is missing between brackets or commas; mend it"},
	{"found unknown escape character", "an escape that YAML does not know in a double-quoted text; use single quotes, or double the backslash"},
	{"did not find expected alphabetic or numeric character", "`*` and `&` begin an alias or an anchor; quote a value that begins with one"},
	{"exceeded max depth", "brackets or lists are nested too deeply; a manifest needs far fewer"},
}

// syntaxSentence says what a parser's error means, and the line that the parser blames, which may be zero. With hidden it
// holds no word of the text.
func syntaxSentence(err error, hidden bool) (sentence string, line int) {
	if errors.Is(err, errSecondDocument) {
		return "a second document begins here; put `---` on a line of its own between the two", 0
	}
	problem := err.Error()
	if m := parserLine().FindStringSubmatch(problem); m != nil {
		line, _ = strconv.Atoi(m[1])
		problem = m[2]
	}
	m := undefinedRef().FindStringSubmatch(problem)
	if m != nil && hidden {
		return "an alias names no anchor above it; quote a value that begins with `*`", line
	}
	if m != nil {
		return "the alias " + ticked("*"+m[1]) + " names no anchor above it; define " + ticked("&"+m[1]) +
			", or quote a value that begins with `*`", line
	}
	for _, h := range hints {
		if strings.HasPrefix(problem, h.problem) {
			return "not YAML: " + h.sentence, line
		}
	}
	if hidden {
		return "not YAML; mend the line, or quote the value", line
	}
	return "not YAML: " + shown(problem), line
}

// culprit finds the line, from 1 within the chunk, where the text stops being YAML: the one after the longest run of
// lines that parses. The parser's own line is often that of the mapping around it. The work is taken from budget, in
// bytes; zero: not found within it.
func culprit(c chunk, budget *int) int {
	end := len(c.text)
	for n := len(c.lines) - 1; n >= 1; n-- {
		end -= len(c.lines[n])
		if *budget -= end; *budget < 0 {
			return 0
		}
		if _, err := parseYAML(c.text[:end]); err == nil {
			return n + 1
		}
	}
	return 1
}

// tabIndent says whether a tab is among the blanks that a line begins with, and its column.
func tabIndent(line string) (column int, found bool) {
	blanks := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	at := strings.IndexByte(blanks, '\t')
	return at + 1, at >= 0
}
