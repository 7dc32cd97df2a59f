// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// excludedPage is how many tags are asked for at once, the most that the scanner sends.
const excludedPage = 10_000

// Excluded asks the scanner for the tags that the repository's exclusion list leaves out, in byte order. They are kept
// nowhere: only explanations need them. None from a scanner that does not tell. Errors: ErrAbsent, ErrNotScanned,
// ErrUnreachable, the context's.
func (f *Follower) Excluded(ctx context.Context, repository object.Key) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	var excluded []string
	req := &scannerv1.ListTagsRequest{
		Name: repository.Name, Namespace: repository.Namespace, PageSize: excludedPage, IncludeExcluded: true,
	}
	for listed := 0; ; {
		page, err := f.scanner.ListTags(ctx, req)
		switch {
		case status.Code(err) == codes.Unimplemented:
			return nil, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, explain(err, repository, repository.Namespace)
		}
		for _, tag := range page.GetTags() {
			if n := len(tag.GetName()); tag.GetExcluded() && n > 0 && n <= maxTagLength {
				excluded = append(excluded, tag.GetName())
			}
		}
		if listed += len(page.GetTags()); listed > maxTags {
			return nil, explain(fmt.Errorf("it listed more than the %d tags allowed", maxTags), repository, repository.Namespace)
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return excluded, nil
		}
	}
}
