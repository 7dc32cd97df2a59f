// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	// shortest is the length from which on a piece of a message is looked for, in bytes.
	shortest = 10
	// fewestPieces is how many pieces the page has at least.
	fewestPieces = 40
)

var (
	// first is the first cell of a table's row, where it is a message.
	first = regexp.MustCompile("^\\| (?:`` ?(.+?) ?``|`([^`]+)`)")
	// joined is where one string of the source goes on in the next line.
	joined = regexp.MustCompile(`"\s*\+\s*"`)
	// pieces are what a message is put together from.
	pieces = regexp.MustCompile(`…|[:;,.] |['"]`)
)

func TestTheMessagesOfTheTroubleshootingPageAreThoseOfTheProgram(t *testing.T) {
	t.Parallel()
	page, source := readPage(t, root, filepath.Join("docs", "troubleshooting.md")), source(t)
	checked := 0
	for i, line := range page.lines {
		found := first.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		for _, piece := range pieces.Split(found[1]+found[2], -1) {
			if piece = strings.TrimSpace(piece); len(piece) < shortest {
				continue
			}
			checked++
			if !strings.Contains(source, piece) {
				t.Errorf("%s:%d: nothing prints %q", page.name, i+1, piece)
			}
		}
	}
	if checked < fewestPieces {
		t.Errorf("%s has %d pieces of messages, want %d", page.name, checked, fewestPieces)
	}
}

// source is the text of the programs, with the strings that go over more than one line in one.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, module := range []string{"cmd", "platform", "scanner", "resolver", "updater"} {
		err := filepath.WalkDir(filepath.Join(root, module), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.WriteString(joined.ReplaceAllString(string(text), ""))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
