// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
)

// FuzzPageToken: a token is refused, or is one that reads back as it is.
func FuzzPageToken(f *testing.F) {
	req := &resolverv1.ResolveRequest{Source: &resolverv1.ResolveRequest_TagList{TagList: &resolverv1.TagList{}}}
	hash, err := requestHash(req)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(place{subject: subject{request: hash}, offset: 7}.String())
	f.Add(place{subject: subject{request: hash, uid: 1, revision: 2, moment: 3}, offset: 7}.String())
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := parsePlace(token, req)
		if err == nil && token != "" && p.String() != token {
			t.Errorf("%q reads as %+v, which is %q", token, p, p.String())
		}
	})
}
