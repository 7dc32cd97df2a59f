// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package selector

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// mistake says what is wrong with a pattern that does not compile, and at which character, from 1.
func mistake(pattern string, err error) error {
	wrong, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return err
	}
	at := -1
	switch wrong.Code {
	case syntax.ErrMissingParen:
		at = openParen(pattern)
	case syntax.ErrUnexpectedParen:
		at = closeParen(pattern)
	case syntax.ErrTrailingBackslash:
		at = len(pattern) - 1
	default:
		// What the parser complains of, where it is there but once.
		if strings.Count(pattern, wrong.Expr) == 1 {
			at = strings.Index(pattern, wrong.Expr)
		}
	}
	if at < 0 {
		return fmt.Errorf("%s in '%s'", wrong.Code, pattern)
	}
	return fmt.Errorf("%s at character %d, '%s'", wrong.Code, utf8.RuneCountInString(pattern[:at])+1, pattern[at:])
}

// openParen is where the last parenthesis is that is not closed.
func openParen(pattern string) int {
	var open []int
	parens(pattern, func(at int, opens bool) bool {
		if opens {
			open = append(open, at)
		} else if len(open) > 0 {
			open = open[:len(open)-1]
		}
		return true
	})
	if len(open) == 0 {
		return -1
	}
	return open[len(open)-1]
}

// closeParen is where the first parenthesis is that closes nothing.
func closeParen(pattern string) int {
	depth, found := 0, -1
	parens(pattern, func(at int, opens bool) bool {
		if opens {
			depth++
			return true
		}
		if depth--; depth < 0 {
			found = at
		}
		return found < 0
	})
	return found
}

// parens hands out the parentheses that group: neither escaped, nor quoted, nor in a class.
func parens(pattern string, yield func(at int, opens bool) bool) {
	class := -1 // where the class began that this is in
	for at := 0; at < len(pattern); at++ {
		switch c := pattern[at]; {
		case strings.HasPrefix(pattern[at:], `\Q`) && class < 0:
			end := strings.Index(pattern[at:], `\E`)
			if end < 0 {
				return
			}
			at += end + 1
		case c == '\\':
			at++
		case class >= 0:
			// A `]` that comes first in a class is a member of it.
			first := at == class+1 || pattern[class+1:at] == "^"
			if c == ']' && !first {
				class = -1
			}
		case c == '[':
			class = at
		case c == '(' || c == ')':
			if !yield(at, c == '(') {
				return
			}
		}
	}
}
