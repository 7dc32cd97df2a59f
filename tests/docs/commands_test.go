// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fewestCommands is how many commands the pages name at least.
const fewestCommands = 60

// named is a command of ours that a page names.
type named struct {
	page string
	line int
	text string
}

var (
	// span is text in backquotes.
	span = regexp.MustCompile("`([^`]+)`")
	// ours begins a command.
	ours = regexp.MustCompile(`(^|\| |&& |^\$ |^    )(bin/)?tidemark( |$)`)
	// ends is where a command ends in a line.
	ends = regexp.MustCompile(` (\||&&|#|>|2>|&$)( .*)?$`)
)

func TestEveryCommandThatThePagesNameExists(t *testing.T) {
	t.Parallel()
	all := commands(t)
	if len(all) < fewestCommands {
		t.Fatalf("the pages name %d commands, want %d", len(all), fewestCommands)
	}
	known := map[string]string{}
	for _, command := range all {
		problem, asked := known[command.text]
		if !asked {
			problem = refused(t, command.text)
			known[command.text] = problem
		}
		if problem != "" {
			t.Errorf("%s:%d: tidemark %s: %s", command.page, command.line, command.text, problem)
		}
	}
}

func TestACommandThatDoesNotExistIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"gets", "get imag", "get image all --wid", "demo part", "once --manifest"} {
		if refused(t, text) == "" {
			t.Errorf("tidemark %s is taken", text)
		}
	}
	for _, text := range []string{"", "get image all -w", "explain podinfo", "once --manifests", "create image policy NAME --filter-extract '$ts'"} {
		if problem := refused(t, text); problem != "" {
			t.Errorf("tidemark %s: %s", text, problem)
		}
	}
}

// commands are all that stand in blocks, in indented lines and in backquotes.
func commands(t *testing.T) []named {
	t.Helper()
	var all []named
	for _, page := range pages(t) {
		inBlock := ""
		for i := 0; i < len(page.lines); i++ {
			line := page.lines[i]
			if info, is := strings.CutPrefix(line, fence); is {
				if inBlock == "" {
					inBlock = info + " "
				} else {
					inBlock = ""
				}
				continue
			}
			for strings.HasSuffix(line, `\`) && i+1 < len(page.lines) {
				i++
				line = strings.TrimSuffix(line, `\`) + " " + strings.TrimSpace(page.lines[i])
			}
			texts := []string{line}
			if inBlock == "" && !strings.HasPrefix(line, "    ") {
				texts = texts[:0]
				for _, found := range span.FindAllStringSubmatch(line, -1) {
					texts = append(texts, found[1])
				}
			}
			for _, text := range texts {
				if at := ours.FindStringIndex(text); at != nil {
					command := ends.ReplaceAllString(strings.TrimRight(text[at[1]:], " "), "")
					all = append(all, named{page: page.name, line: i + 1, text: command})
				}
			}
		}
	}
	return all
}

// refused says why the program does not take a command; "" when it does.
func refused(t *testing.T, text string) string {
	t.Helper()
	words := arguments(text)
	// Before the flags, so that none takes it for its value and the command does something.
	flags := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, "-") })
	if flags < 0 {
		flags = len(words)
	}
	asking := slices.Insert(slices.Clone(words), flags, "--help")
	cmd := exec.CommandContext(t.Context(), program(), asking...) // #nosec G204 -- our own program
	cmd.Env = []string{"HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "flag needs an argument") {
			return "" // a sentence about a flag: the last word is one that exists
		}
		return strings.TrimSpace(string(out))
	}
	_, usage, _ := strings.Cut(string(out), "Usage:\n")
	if !strings.Contains(usage, "Available Commands:") && !strings.Contains(usage, "tidemark [command]") {
		return ""
	}
	// It has commands below it: each word must be one of its own path.
	path, _, _ := strings.Cut(strings.TrimSpace(usage), " [")
	path, _, _ = strings.Cut(path, " --")
	for _, word := range words {
		if strings.HasPrefix(word, "-") {
			break
		}
		if !strings.Contains(path+" ", " "+word+" ") {
			return "it has no command " + word
		}
	}
	return ""
}

// arguments are a command's words, as a shell reads them, without what stands for something left out.
func arguments(text string) []string {
	var words []string
	word, quote, begun := "", rune(0), false
	for _, r := range text + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r != ' ':
			word, begun = word+string(r), true
		case begun:
			if word = strings.Trim(word, "[]"); word != anything {
				words = append(words, word)
			}
			word, begun = "", false
		}
	}
	return words
}
