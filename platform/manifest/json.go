// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
)

// jsonAsYAML spells the two escapes of JSON that the YAML parser does not know, `\/` and pairs of surrogates, in a way that
// it does; YAML holds all else of JSON. What is not JSON comes back as it is.
func jsonAsYAML(data []byte) []byte {
	if !json.Valid(data) {
		return data
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			out = append(out, data[i])
			continue
		}
		i++ // A backslash never ends valid JSON.
		switch r, pair := surrogates(data[i:]); {
		case data[i] == '/':
			out = append(out, '/')
		case pair:
			out = fmt.Appendf(out, `\U%08X`, r)
			i += len(`uD83D\uDE00`) - 1
		default:
			out = append(out, '\\', data[i])
		}
	}
	return out
}

// surrogates reads `uD83D\uDE00`.
func surrogates(s []byte) (rune, bool) {
	if len(s) < 11 || s[0] != 'u' || s[5] != '\\' || s[6] != 'u' {
		return 0, false
	}
	high, errHigh := strconv.ParseUint(string(s[1:5]), 16, 16)
	low, errLow := strconv.ParseUint(string(s[7:11]), 16, 16)
	if errHigh != nil || errLow != nil {
		return 0, false
	}
	r := utf16.DecodeRune(rune(high), rune(low))
	return r, r != '\uFFFD'
}
