// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"strconv"
	"strings"
)

// item is an element of a list in a header: its value, without quotes, and its parameters.
type item struct {
	value      string
	parameters []string
}

// parseItems reads the elements of a header that is a list, the first of them where there are very many. It is lenient: what
// is no parameter is passed over.
func parseItems(values []string) []item {
	var items []item
	for _, part := range split(joined(values), ',') {
		fields := split(part, ';')
		value := strings.TrimSpace(fields[0])
		if value == "" {
			continue
		}
		items = append(items, item{value: strings.Trim(value, `"`), parameters: fields[1:]})
	}
	return items
}

func joined(values []string) string {
	var b strings.Builder
	for _, value := range values {
		if b.Len()+len(value) > maxHeader {
			break
		}
		b.WriteString(value + ",")
	}
	return b.String()
}

// split cuts at separators outside of quotes, into at most maxItems parts; the rest is left out.
func split(text string, separator byte) []string {
	var parts []string
	quoted, begin := false, 0
	for i := 0; i < len(text) && len(parts) < maxItems; i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case !quoted && text[i] == separator:
			parts = append(parts, text[begin:i])
			begin = i + 1
		}
	}
	if len(parts) < maxItems {
		parts = append(parts, text[begin:])
	}
	return parts
}

// parameter is the number that a parameter has; false: there is none, or it is no number.
func (i item) parameter(key string) (int64, bool) {
	for _, parameter := range i.parameters {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, key) {
			return parseNumber(value)
		}
	}
	return 0, false
}

// firstNumber is the first element of a list of numbers.
func firstNumber(values []string) (int64, bool) {
	items := parseItems(values)
	if len(items) == 0 {
		return 0, false
	}
	return parseNumber(items[0].value)
}

// parseNumber reads a number of at most 15 digits, as structured fields have, with no sign.
func parseNumber(text string) (int64, bool) {
	if text == "" || len(text) > 15 || strings.ContainsAny(text, "+-_") {
		return 0, false
	}
	number, err := strconv.ParseInt(text, 10, 64)
	return number, err == nil
}
