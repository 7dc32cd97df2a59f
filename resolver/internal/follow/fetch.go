// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/tagindex"
)

const (
	reasonNotReady = metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY
	reasonDenied   = metav1.ErrorReason_ERROR_REASON_ACCESS_DENIED
)

// Bounds on what is taken from the scanner.
const (
	fetchTimeout  = 2 * time.Minute
	digestTimeout = 30 * time.Second
	maxTags       = 2_000_000
	maxTagLength  = 128
)

// fetch loads what has changed since the source's tags, as a policy of that namespace, and returns the tags with it. A
// repository that was made anew gets new ones. The error is a problem. The caller holds loading.
func (f *Follower) fetch(ctx context.Context, s *source, namespace string) (*Tags, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req := &scannerv1.StreamTagsRequest{
		Repository:      &metav1.NamespacedObjectReference{Namespace: s.key.Namespace, Name: s.key.Name},
		PolicyNamespace: namespace,
	}
	if s.tags != nil {
		req.HaveUid, req.HaveRevision = s.tags.uid, s.tags.head().GetRevision()
	}
	head, delta, moved, err := f.stream(ctx, req)
	if err != nil {
		return nil, explain(err, s.key, namespace)
	}
	switch {
	case s.tags != nil && s.tags.uid == head.GetUid():
		s.tags.moves.note(head, moved)
		s.tags.apply(head, delta)
		return s.tags, nil
	case !delta.Whole:
		return nil, explain(errors.New("it sent the changes of a tag set that is not known here"), s.key, namespace)
	default:
		return newTags(head, delta), nil
	}
}

// stream receives one tag set's transfer, and the names of the tags that came with a digest: it has moved.
func (f *Follower) stream(
	ctx context.Context, req *scannerv1.StreamTagsRequest,
) (head *scannerv1.TagSetHead, delta tagindex.Delta, moved []string, err error) {
	stream, err := f.scanner.StreamTags(ctx, req)
	if err != nil {
		return nil, delta, nil, err
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil, delta, nil, errors.New("it ended the transfer without a head")
		}
		if err != nil {
			return nil, delta, nil, err
		}
		delta.Whole = delta.Whole || part.GetWhole()
		delta.Removed = append(delta.Removed, part.GetRemoved()...)
		for _, tag := range part.GetAdded() {
			if n := len(tag.GetName()); n == 0 || n > maxTagLength {
				return nil, delta, nil, fmt.Errorf("it sent a tag of %d bytes; 1 to %d are allowed", n, maxTagLength)
			}
			delta.Added = append(delta.Added, tagOf(tag))
			if tag.GetDigest() != "" {
				moved = append(moved, tag.GetName())
			}
		}
		if len(delta.Added) > maxTags || len(delta.Removed) > maxTags {
			return nil, delta, nil, fmt.Errorf("it sent more than the %d tags allowed", maxTags)
		}
		if head := part.GetComplete(); head != nil {
			delta.Revision = head.GetRevision()
			return head, delta, moved, nil
		}
	}
}

func tagOf(tag *scannerv1.Tag) policy.Tag {
	t := policy.Tag{Name: tag.GetName(), Initial: tag.GetInitial()}
	if tag.GetFirstSeenTime().IsValid() {
		t.FirstSeen = tag.GetFirstSeenTime().AsTime()
	}
	return t
}

// Digest asks the scanner for a tag's digest, for a policy of that namespace, and to follow it from now on: see Tags.MovedAt.
// The error is the scanner's.
func (f *Follower) Digest(ctx context.Context, repository object.Key, tag, namespace string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, digestTimeout)
	defer cancel()
	resp, err := f.scanner.GetTag(ctx, &scannerv1.GetTagRequest{
		Name: repository.Name, Namespace: repository.Namespace, Tag: tag, PolicyNamespace: namespace, Track: true,
	})
	if err != nil {
		return "", err
	}
	if resp.GetTag().GetDigest() == "" {
		return "", errors.New("the scanner answered without a digest")
	}
	return resp.GetTag().GetDigest(), nil
}
