// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"sync"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
)

// maxCompiled bounds how many policies are kept. The costliest pattern takes about half a megabyte, a usual one a
// thousandth of that.
const maxCompiled = 64

// formula is all that a compiled policy is made of.
type formula struct {
	kind             int // 1 to 4, the choice; 0: none
	text             string
	order            int32
	filtered         bool
	pattern, extract string
}

// compiled keeps the policies that were compiled last: who resolves often, resolves by the same few. The zero value is
// ready.
type compiled struct {
	mu       sync.Mutex
	policies map[formula]*policy.Policy
}

// compile answers as spec.Compile does.
func (c *compiled) compile(choice *resolverv1.ImagePolicyChoice, filter *resolverv1.TagFilter) (*policy.Policy, error) {
	f := formulaOf(choice, filter)
	c.mu.Lock()
	known := c.policies[f]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	p, err := spec.Compile(choice, filter)
	if err != nil {
		return nil, err //nolint:wrapcheck // it is a field's error, which the caller gives its path
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.policies == nil || len(c.policies) >= maxCompiled {
		c.policies = make(map[formula]*policy.Policy, maxCompiled)
	}
	c.policies[f] = p
	return p, nil
}

func formulaOf(choice *resolverv1.ImagePolicyChoice, filter *resolverv1.TagFilter) formula {
	f := formula{filtered: filter != nil, pattern: filter.GetPattern(), extract: filter.GetExtract()}
	switch c := choice.GetChoice().(type) {
	case *resolverv1.ImagePolicyChoice_Semver:
		f.kind, f.text = 1, c.Semver.GetRange()
	case *resolverv1.ImagePolicyChoice_Alphabetical:
		f.kind, f.order = 2, int32(c.Alphabetical.GetOrder())
	case *resolverv1.ImagePolicyChoice_Numerical:
		f.kind, f.order = 3, int32(c.Numerical.GetOrder())
	case *resolverv1.ImagePolicyChoice_Latest:
		f.kind, f.order = 4, int32(c.Latest.GetBy())
	}
	return f
}
