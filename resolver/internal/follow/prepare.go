// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/tagindex"
)

// Prepare returns the tags in the order of a policy that nobody holds, and the head that they are of. The error is the
// context's.
func (t *Tags) Prepare(ctx context.Context, p *policy.Policy) (*scannerv1.TagSetHead, *tagindex.Snapshot, error) {
	if _, err := t.index.Prepare(ctx, p); err != nil {
		return nil, nil, err
	}
	head, snapshot := t.Current()
	return head, snapshot, nil
}
