// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"testing"
)

func TestNextLinkReadsWhatRegistriesSend(t *testing.T) {
	for _, test := range []struct {
		name, header, want string
		ok                 bool
	}{
		{"distribution", `</v2/a/tags/list?last=x&n=5>; rel="next"`, "/v2/a/tags/list?last=x&n=5", true},
		{"no quotes", `</a>; rel=next`, "/a", true},
		{"no relation", `</a>`, "/a", true},
		{"another relation", `</a>; rel="prev"`, "", true},
		{"the second of two", `</a>; rel="prev", </b>; rel="next"`, "/b", true},
		{"a comma in the URL", `</a?x=1,2>; rel="next"`, "/a?x=1,2", true},
		{"a comma in quotes", `</a>; title="x, y"; rel="prev", </b>; rel="next"`, "/b", true},
		{"several relations", `</a>; rel="last Next"`, "/a", true},
		{"empty target", `<>; rel="next"`, "", true},
		{"no header", ``, "", true},
		{"no brackets", `/a; rel=next`, "", false},
		{"no end", `</a`, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := nextLink(http.Header{"Link": {test.header}})
			if got != test.want || ok != test.ok {
				t.Errorf("= %q, %t; want %q, %t", got, ok, test.want, test.ok)
			}
		})
	}
}

func FuzzNextLink(f *testing.F) {
	f.Add(`</v2/a/tags/list?last=x&n=5>; rel="next"`)
	f.Add(`<a>; rel="x, y", <b>`)
	f.Add(`,, ,<`)
	f.Fuzz(func(t *testing.T, header string) {
		target, ok := nextLink(http.Header{"Link": {header}})
		if !ok && target != "" || len(target) > maxLink {
			t.Errorf("%q: %q, %t", header, target, ok)
		}
	})
}
