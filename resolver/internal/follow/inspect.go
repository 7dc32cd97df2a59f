// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"errors"
	"fmt"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// Inspect asks the scanner for facts about one tag, for a policy of that namespace. track: the scanner follows the tag's
// digest from now on, see Tags.MovedAt. The error is the scanner's.
func (f *Follower) Inspect(
	ctx context.Context, repository object.Key, tag, namespace string, wanted []scannerv1.TagMetadata, track bool,
) (*scannerv1.Tag, error) {
	ctx, cancel := context.WithTimeout(ctx, digestTimeout)
	defer cancel()
	resp, err := f.scanner.GetTag(ctx, &scannerv1.GetTagRequest{
		Name: repository.Name, Namespace: repository.Namespace, Tag: tag, PolicyNamespace: namespace, Metadata: wanted, Track: track,
	})
	if err != nil {
		return nil, err
	}
	if resp.GetTag() == nil {
		return nil, errors.New("the scanner answered without a tag")
	}
	return resp.GetTag(), nil
}

// List asks the scanner for a page of facts about the tags that the pattern matches. Whether who asks may is not asked
// here: who has the tags has been told. The error is the scanner's.
func (f *Follower) List(
	ctx context.Context, repository object.Key, pattern, token string, wanted []scannerv1.TagMetadata,
) (tags []*scannerv1.Tag, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	resp, err := f.scanner.ListTags(ctx, &scannerv1.ListTagsRequest{
		Name: repository.Name, Namespace: repository.Namespace, Pattern: pattern, PageToken: token, PageSize: listSize, Metadata: wanted,
	})
	if err != nil {
		return nil, "", err
	}
	if n := len(resp.GetTags()); n > listSize {
		return nil, "", fmt.Errorf("the scanner sent a page of %d tags; %d were asked for", n, listSize)
	}
	return resp.GetTags(), resp.GetNextPageToken(), nil
}

// listSize is small enough that a page whose facts all have to be read ends in time, and what was read is kept.
const listSize = 100
