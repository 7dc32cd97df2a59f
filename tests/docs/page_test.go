// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fence begins and ends a block.
const fence = "```"

// page is a Markdown file.
type page struct {
	// name is its path from the repository's root.
	name  string
	lines []string
}

// block is a fenced block of a page.
type block struct {
	language string
	// words are what stands behind the language.
	words []string
	// first and last are the lines of its text: lines[first:last].
	first, last int
}

// step is a command and what it must print.
type step struct {
	command string
	// line is the command's index in the page; what is shown is lines[first:last].
	line, first, last int
}

func readPage(t *testing.T, root, name string) *page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return &page{name: name, lines: strings.Split(string(text), "\n")}
}

// blocks are the page's fenced blocks.
func (p *page) blocks(t *testing.T) []block {
	t.Helper()
	var all []block
	open := false
	for i, line := range p.lines {
		info, fenced := strings.CutPrefix(line, fence)
		switch {
		case !fenced:
		case open:
			all[len(all)-1].last = i
			open = false
		default:
			language, words, _ := strings.Cut(strings.TrimSpace(info), " ")
			all = append(all, block{language: language, words: strings.Fields(words), first: i + 1})
			open = true
		}
	}
	if open {
		t.Fatalf("%s: a block is not closed", p.name)
	}
	return all
}

// word is the value of NAME=VALUE behind the language; a word alone is "true", and one that is not there "".
func (b block) word(name string) string {
	for _, word := range b.words {
		key, value, found := strings.Cut(word, "=")
		switch {
		case key != name:
		case found:
			return value
		default:
			return "true"
		}
	}
	return ""
}

// steps are a console block's commands.
func (p *page) steps(t *testing.T, b block) []step {
	t.Helper()
	var all []step
	for i := b.first; i < b.last; i++ {
		command, is := strings.CutPrefix(p.lines[i], "$ ")
		if !is {
			if len(all) == 0 {
				t.Fatalf("%s:%d: a console block begins with a command", p.name, i+1)
			}
			all[len(all)-1].last = i + 1
			continue
		}
		begins := i
		for strings.HasSuffix(command, `\`) && i+1 < b.last {
			i++
			command += "\n" + p.lines[i]
		}
		all = append(all, step{command: command, line: begins, first: i + 1, last: i + 1})
	}
	return all
}

// text are some of the page's lines.
func (p *page) text(first, last int) string { return strings.Join(p.lines[first:last], "\n") }
