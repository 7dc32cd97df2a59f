// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"strings"
)

// maxLink bounds the URL in a Link header, in bytes.
const maxLink = 8 << 10

// nextLink finds the URL that the Link headers (RFC 8288) call next; a link
// that says no relation counts as next, because some registries send only
// the URL. Empty when there is none. ok is false for headers that cannot be
// read.
func nextLink(header http.Header) (target string, ok bool) {
	for _, value := range header.Values("Link") {
		for strings.TrimSpace(value) != "" {
			var parameters string
			target, parameters, value, ok = cutLink(value)
			if !ok || len(target) > maxLink {
				return "", false
			}
			if target != "" && isNext(parameters) {
				return target, true
			}
		}
	}
	return "", true
}

// cutLink takes the first link off a list: <target>; parameters, rest.
func cutLink(value string) (target, parameters, rest string, ok bool) {
	value = strings.TrimLeft(value, " \t,")
	if value == "" {
		return "", "", "", true
	}
	if value[0] != '<' {
		return "", "", "", false
	}
	target, value, ok = strings.Cut(value[1:], ">")
	if !ok {
		return "", "", "", false
	}
	quoted := false
	for i := range len(value) {
		switch {
		case value[i] == '"':
			quoted = !quoted
		case value[i] == ',' && !quoted:
			return strings.TrimSpace(target), value[:i], value[i+1:], true
		}
	}
	return strings.TrimSpace(target), value, "", true
}

func isNext(parameters string) bool {
	related := false
	for parameter := range strings.SplitSeq(parameters, ";") {
		key, value, _ := strings.Cut(parameter, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "rel") {
			continue
		}
		related = true
		for relation := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(relation, "next") {
				return true
			}
		}
	}
	return !related
}
