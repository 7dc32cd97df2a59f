// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import (
	"regexp"
	"strings"
)

// Plain scalars that some reader of YAML 1.1 or 1.2 does not take for a string.
// The patterns are wider than any one schema: quotes too many do no harm.
var (
	words = map[string]bool{
		"": true, "~": true, "null": true, "true": true, "false": true, "yes": true, "no": true,
		"on": true, "off": true, "y": true, "n": true, ".inf": true, ".nan": true, "+.inf": true, "-.inf": true,
		"+.nan": true, "-.nan": true, "+nan": true, "-nan": true,
		"inf": true, "nan": true, "+inf": true, "-inf": true, "infinity": true, "+infinity": true, "-infinity": true,
	}
	number = regexp.MustCompile(
		`^[-+]?(0[xX][0-9a-fA-F_]*|0[oO]?[0-7_]*|0[bB][01_]*|` + // integers
			`([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9_]*)([eE][-+]?[0-9_]*)?|` + // decimals, also halves of them
			`[0-9][0-9_]*(:[0-9]{1,2})+(\.[0-9_]*)?)$`) // base 60
	date = regexp.MustCompile(`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt].*)?$`)
)

// plainOrQuoted returns a value as it stands without quotes, if it then reads
// as that string, else in double quotes. The value is printable.
func plainOrQuoted(value string) string {
	if readsAsString(value) {
		return value
	}
	return `"` + value + `"`
}

func readsAsString(value string) bool {
	if words[strings.ToLower(value)] || number.MatchString(value) || date.MatchString(value) {
		return false
	}
	switch value[0] {
	case '-', '+', '[', ']', '@', ':':
		return false
	}
	if strings.HasPrefix(value, "...") {
		return false // at the beginning of a line it ends the document
	}
	// Brackets end a plain scalar within other brackets, a colon at the end makes a key.
	return !strings.ContainsAny(value, "[]") && value[len(value)-1] != ':'
}
