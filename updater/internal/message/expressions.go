// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package message

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"text/template"
)

const (
	// maxPattern bounds a pattern, in bytes; Go's own limits then keep its program
	// below some 100,000 instructions.
	maxPattern = 128
	// maxMatch bounds instructions times bytes of text of one call: some 50 ms.
	maxMatch = 4 << 20
)

// expressions are sprig's functions with regular expressions. A match takes time
// in the product of pattern and text, so both are bounded together.
func expressions() template.FuncMap {
	funcs := template.FuncMap{
		"regexMatch": func(pattern, s string) (bool, error) {
			re, err := expression(pattern, s)
			return err == nil && re.MatchString(s), err
		},
		"regexFind": func(pattern, s string) (string, error) {
			re, err := expression(pattern, s)
			if err != nil {
				return "", err
			}
			return re.FindString(s), nil
		},
		"regexFindAll": func(pattern, s string, n int) ([]string, error) {
			re, err := expression(pattern, s)
			if err != nil {
				return nil, err
			}
			return re.FindAllString(s, n), nil
		},
		"regexSplit": func(pattern, s string, n int) ([]string, error) {
			re, err := expression(pattern, s)
			if err != nil {
				return nil, err
			}
			return re.Split(s, n), nil
		},
		"regexReplaceAll": func(pattern, s, with string) (string, error) {
			re, err := replacing(pattern, s, with)
			if err != nil {
				return "", err
			}
			return re.ReplaceAllString(s, with), nil
		},
		"regexReplaceAllLiteral": func(pattern, s, with string) (string, error) {
			re, err := replacing(pattern, s, with)
			if err != nil {
				return "", err
			}
			return re.ReplaceAllLiteralString(s, with), nil
		},
	}
	for _, name := range []string{
		"Match", "Find", "FindAll", "Split", "ReplaceAll", "ReplaceAllLiteral",
	} {
		funcs["mustRegex"+name] = funcs["regex"+name]
	}
	return funcs
}

// expression compiles a pattern for a text.
func expression(pattern, s string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("%w: a pattern of more than %d bytes", ErrLimit, maxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the pattern %q: %w", pattern, err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the pattern %q: %w", pattern, err)
	}
	if len(program.Inst)*(len(s)+1) > maxMatch {
		return nil, fmt.Errorf("%w: the pattern %q is too large for a text of %d bytes", ErrLimit, pattern, len(s))
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("the pattern %q: %w", pattern, err)
	}
	return re, nil
}

// replacing compiles a pattern for a text in which each match is replaced. A
// replacement may name a group, and so the whole match, again and again.
func replacing(pattern, s, with string) (*regexp.Regexp, error) {
	if (len(s)+1)*(len(with)+1) > maxMatch {
		return nil, tooLarge("regexReplaceAll")
	}
	return expression(pattern, s)
}
