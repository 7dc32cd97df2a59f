// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// Refusal is why a service did not take a manifest's object, at the lines of the fields that the service named; where it
// named none, at the object's first.
func Refusal(o *manifest.Object, err error) []*manifest.Error {
	violations := rpcerr.FieldViolations(err)
	if len(violations) == 0 {
		return []*manifest.Error{o.Violation("", rpcerr.Sentence(err))}
	}
	all := make([]*manifest.Error, 0, len(violations))
	for _, v := range violations {
		all = append(all, o.Violation(v.Path, v.Sentence))
	}
	return all
}
