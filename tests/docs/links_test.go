// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fewestPages is how many pages there are at least.
const fewestPages = 10

// link is a link in a line: its target in the first group.
var link = regexp.MustCompile(`\]\(([^()\s]+)\)`)

// pages are the README and all of docs.
func pages(t *testing.T) []*page {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := []*page{readPage(t, root, "README.md")}
	for _, path := range paths {
		all = append(all, readPage(t, root, filepath.Join("docs", filepath.Base(path))))
	}
	if len(all) < fewestPages {
		t.Fatalf("there are %d pages, want %d", len(all), fewestPages)
	}
	return all
}

func TestEveryRelativeLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		inBlock := false
		for i, line := range page.lines {
			if strings.HasPrefix(line, fence) {
				inBlock = !inBlock
			}
			if inBlock {
				continue
			}
			for _, found := range link.FindAllStringSubmatch(line, -1) {
				if problem := broken(t, page, found[1]); problem != "" {
					t.Errorf("%s:%d: %s: %s", page.name, i+1, found[1], problem)
				}
			}
		}
	}
}

// broken says what is wrong with a link of a page; links to other sites are not followed.
func broken(t *testing.T, from *page, target string) string {
	t.Helper()
	if strings.Contains(target, "://") {
		return ""
	}
	file, anchor, _ := strings.Cut(target, "#")
	to := from
	if file != "" {
		name := filepath.Join(filepath.Dir(from.name), file)
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			return "there is no such file"
		}
		if anchor == "" {
			return ""
		}
		to = readPage(t, root, name)
	}
	if !slices.Contains(anchors(to), anchor) {
		return "there is no such heading"
	}
	return ""
}

// dropped is what anchors are made without.
var dropped = regexp.MustCompile(`[^\pL\pN _-]`)

// anchors are those that sites which show Markdown make of a page's headings.
func anchors(p *page) []string {
	var all []string
	inBlock := false
	for _, line := range p.lines {
		if strings.HasPrefix(line, fence) {
			inBlock = !inBlock
		}
		if heading := strings.TrimLeft(line, "#"); !inBlock && strings.HasPrefix(line, "#") {
			text := dropped.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			all = append(all, strings.ReplaceAll(text, " ", "-"))
		}
	}
	return all
}
