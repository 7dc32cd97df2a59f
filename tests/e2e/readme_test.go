// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// fewest is how many lines of grpcurl the README has at least.
const fewest = 5

// usual is the address in the README; a test's demo has one of its own.
const usual = "127.0.0.1:9000"

func TestTheGrpcurlLinesOfTheReadmeWorkAsPrinted(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(suite.Programs.Root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := grpcurlLines(string(text))
	if len(lines) < fewest {
		t.Fatalf("the README has %d lines of grpcurl, want %d: %q", len(lines), fewest, lines)
	}
	demo, _ := keptDemo(t)
	_, after, _ := strings.Cut(demo.Stdout.String(), "bin/grpcurl -plaintext ")
	address := loopback.FindString(after)
	for _, line := range lines {
		if !strings.Contains(line, usual) {
			t.Errorf("the line does not ask %s: %s", usual, line)
		}
		line = strings.Replace(line, "bin/grpcurl", suite.Programs.Path("grpcurl"), 1)
		line = strings.ReplaceAll(line, usual, address)
		// As a person does: a shell reads it.
		result := harness.Run(t, "", "sh", "-c", line)
		if result.Code != 0 {
			t.Errorf("%s\nended with %d:\n%s%s", line, result.Code, result.Out, result.Err)
			continue
		}
		if fields := strings.Fields(line); fields[len(fields)-1] == "list" {
			if !strings.Contains(result.Out, "tidemark.updater.v1.") {
				t.Errorf("%s\nanswers\n%s", line, result.Out)
			}
		} else if err := isJSON(result.Out); err != nil {
			t.Errorf("%s\nanswers %v:\n%s", line, err, result.Out)
		}
	}
}

// grpcurlLines are the commands in fenced blocks under the headings that speak of grpcurl, those broken with \ in one.
func grpcurlLines(text string) []string {
	var lines []string
	under, fenced, open := false, false, false
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case !fenced && strings.HasPrefix(line, "#"):
			under = strings.Contains(line, "grpcurl")
		case !under || !fenced:
		case open:
			last := len(lines) - 1
			lines[last] = strings.TrimSuffix(lines[last], `\`) + strings.TrimSpace(line)
			open = strings.HasSuffix(line, `\`)
		case strings.HasPrefix(strings.TrimPrefix(strings.TrimSpace(line), "$ "), "bin/grpcurl "):
			lines = append(lines, strings.TrimPrefix(strings.TrimSpace(line), "$ "))
			open = strings.HasSuffix(line, `\`)
		}
	}
	return lines
}
