// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

const (
	maxPatternLength = 1024
	maxExtractLength = 256
	// maxInstructions bounds what a pattern compiles to. Matching takes time proportional to it and to the tag's length,
	// and a counted repetition makes a thousand instructions of six bytes of pattern. A pattern of plain characters has
	// about one for each.
	maxInstructions = 2048
)

// filter is a compiled Filter.
type filter struct {
	pattern *regexp.Regexp
	extract template // nil: the tag itself is ordered
}

// compileFilter returns nil for a filter that lets everything pass.
func compileFilter(f Filter) (*filter, error) {
	if f.Pattern == "" {
		if f.Extract != "" {
			return nil, &FieldError{
				Field:  "filterTags.extract",
				Reason: "extract needs a pattern whose groups it can name",
			}
		}
		return nil, nil
	}
	pattern, err := compilePattern(f.Pattern)
	if err != nil {
		return nil, &FieldError{Field: "filterTags.pattern", Reason: err.Error()}
	}
	extract, err := compileTemplate(f.Extract, pattern)
	if err != nil {
		return nil, &FieldError{Field: "filterTags.extract", Reason: err.Error()}
	}
	return &filter{pattern: pattern, extract: extract}, nil
}

func compilePattern(s string) (*regexp.Regexp, error) {
	if len(s) > maxPatternLength {
		return nil, fmt.Errorf("the pattern has %d bytes, more than the %d allowed", len(s), maxPatternLength)
	}
	pattern, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression pattern '%s': %w", s, err)
	}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression pattern '%s': %w", s, err)
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression pattern '%s': %w", s, err)
	}
	if n := len(program.Inst); n > maxInstructions {
		return nil, fmt.Errorf("the pattern is too costly: it takes %d matching steps for a byte, more than the %d allowed; "+
			"use smaller repetition counts", n, maxInstructions)
	}
	return pattern, nil
}

// apply returns what is to be ordered of the tag; false means that the pattern does not match.
func (f *filter) apply(tag string) (string, bool) {
	if f.extract == nil {
		return tag, f.pattern.MatchString(tag)
	}
	match := f.pattern.FindStringSubmatchIndex(tag)
	if match == nil {
		return "", false
	}
	return f.extract.expand(tag, match), true
}
