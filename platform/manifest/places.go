// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// places turns the parser's lines and columns of a document into the file's.
type places struct {
	first int // the file's line that the document begins on
	// starts are the file's lines and the characters before the start, for each of the parser's lines. Nil: they are the same.
	starts []position
}

// places finds where the parser sees more lines than anybody else: it obeys YAML 1.1, where U+0085, U+2028 and U+2029 end
// a line, in the midst of a text too.
func (c chunk) places() places {
	p := places{first: c.first}
	if !bytes.ContainsAny(c.text, oldBreaks) {
		return p
	}
	for i, line := range c.lines {
		p.starts = append(p.starts, position{line: c.first + i})
		column := 0
		for _, r := range string(line) {
			column++
			if r == 0x85 || r == 0x2028 || r == 0x2029 {
				p.starts = append(p.starts, position{c.first + i, column})
			}
		}
	}
	return p
}

const oldBreaks = "\u0085\u2028\u2029"

// of is the file's place of one that the parser tells.
func (p places) of(told position) position {
	if p.starts == nil {
		return position{p.first + told.line - 1, told.column}
	}
	start := p.starts[max(0, min(told.line, len(p.starts))-1)]
	return position{start.line, start.column + told.column}
}

// where is a node's place in the file.
func (p places) where(n *yaml.Node) position { return p.of(position{n.Line, n.Column}) }
