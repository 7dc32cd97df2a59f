// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/scanner/internal/metadata"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
	"github.com/tidemark-io/tidemark/scanner/internal/tags"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

const (
	defaultPageSize = 1000
	// maxMetadataPage bounds a page with metadata, which costs requests for each of its tags.
	maxMetadataPage = 1000
)

// Tags answers TagService.
type Tags struct {
	scannerv1.UnimplementedTagServiceServer

	Reader *tags.Reader
	// Metadata finds what Inquiry asks registries for.
	Metadata *metadata.Reader
	Inquiry  *source.Inquiry
	// NamespaceLabels are the labels of a namespace.
	NamespaceLabels func(namespace string) map[string]string
}

// ListTags implements the RPC.
func (a *Tags) ListTags(ctx context.Context, req *scannerv1.ListTagsRequest) (*scannerv1.ListTagsResponse, error) {
	query := tags.Query{
		Key: objectapi.Key(req), Size: int(cmp.Or(req.GetPageSize(), defaultPageSize)), Token: req.GetPageToken(),
		Order: orderOf(req), Created: a.created, Excluded: req.GetIncludeExcluded(),
	}
	wanted := wantedOf(req.GetMetadata())
	if query.Order.By == tags.ByCreated {
		wanted.created = true
	}
	if wanted != (wanting{}) {
		query.Size = min(query.Size, maxMetadataPage)
	}
	if req.GetPattern() != "" {
		pattern, err := regexp.Compile(req.GetPattern())
		if err != nil {
			return nil, rpcerr.Field("pattern", err.Error())
		}
		query.Pattern = pattern
	}
	set, page, next, err := a.Reader.Page(ctx, query)
	if err != nil {
		return nil, tagsError(err)
	}
	messages := tagMessages(page)
	a.describe(ctx, set, messages, wanted, listedDigestAge)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading metadata: %w", err)
	}
	return &scannerv1.ListTagsResponse{
		Tags: messages, NextPageToken: next, Head: headMessage(set.Repository, set.Head, set.Revision),
	}, nil
}

// GetTag implements the RPC.
func (a *Tags) GetTag(ctx context.Context, req *scannerv1.GetTagRequest) (*scannerv1.GetTagResponse, error) {
	key := objectapi.Key(req)
	set, err := a.open(ctx, key, req.GetPolicyNamespace())
	if err != nil {
		return nil, tagsError(err)
	}
	entry, err := set.Find(ctx, req.GetTag())
	if err != nil {
		return nil, tagsError(err)
	}
	wanted := wantedOf(req.GetMetadata())
	if wanted == (wanting{}) || req.GetTrack() {
		wanted.digest = true
	}
	message := tagMessage(entry)
	if message.Origin, err = a.origin(ctx, set.Head.UID, entry); err != nil {
		return nil, tagsError(err)
	}
	found := a.describe(ctx, set, []*scannerv1.Tag{message}, wanted, 0)
	for _, tag := range found {
		if tag.DigestErr != nil {
			return nil, scanError(key, tag.DigestErr)
		}
		if !req.GetTrack() {
			continue
		}
		if err := a.Reader.State.Track(ctx, set.Head.UID, req.GetTag(), tag.Digest, time.Now()); err != nil {
			return nil, tagsError(err)
		}
	}
	return &scannerv1.GetTagResponse{Tag: message}, nil
}

// open reads a set for a policy, if one of its namespace may. Who may not is not told whether there are tags.
func (a *Tags) open(ctx context.Context, key object.Key, policyNamespace string) (tags.Set, error) {
	set, err := a.Reader.Open(ctx, key)
	if set.Repository != nil {
		if denied := tags.CheckAccess(set.Repository, policyNamespace, a.NamespaceLabels); denied != nil {
			return tags.Set{}, denied
		}
	}
	return set, err
}

// WatchTags implements the RPC.
func (a *Tags) WatchTags(req *scannerv1.WatchTagsRequest, stream grpc.ServerStreamingServer[scannerv1.WatchTagsResponse]) error {
	heads := headEvents{}
	return objectapi.Watch(stream.Context(), a.Reader.State.Repositories, object.Filter{Namespace: req.GetNamespace()},
		req.GetResumeToken(), stream.Send, heads.response)
}

// headEvents are the heads that a watcher was told: a change of status alone is no news to it.
type headEvents map[object.Key]toldHead

type toldHead struct {
	uid                  string
	revision, generation int64
}

// response is nil for what is no news.
func (h headEvents) response(event object.Event[state.Repository]) *scannerv1.WatchTagsResponse {
	response := &scannerv1.WatchTagsResponse{ResumeToken: event.ResumeToken}
	switch {
	case event.Changed != nil:
		stored, revision := state.EventHead(event)
		head := headMessage(event.Changed, stored, revision)
		key := object.KeyOfMeta(event.Changed.GetMetadata())
		told := toldHead{uid: head.GetUid(), revision: head.GetRevision(), generation: head.GetGeneration()}
		if h[key] == told {
			return nil
		}
		h[key] = told
		response.Event = &scannerv1.WatchTagsResponse_Changed{Changed: head}
	case event.Deleted != nil:
		delete(h, *event.Deleted)
		response.Event = &scannerv1.WatchTagsResponse_Deleted{Deleted: objectapi.Deleted(event)}
	default:
		response.Event = &scannerv1.WatchTagsResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
	}
	return response
}

// headMessage is a set's head; one without a revision where the head is not the object's.
func headMessage(r state.Repository, head tagset.Head, revision int64) *scannerv1.TagSetHead {
	meta := r.GetMetadata()
	message := &scannerv1.TagSetHead{
		Repository: &metav1.NamespacedObjectReference{Namespace: meta.GetNamespace(), Name: meta.GetName()},
		Uid:        meta.GetUid(),
		Image:      r.GetSpec().GetImage(),
		Generation: meta.GetGeneration(),
	}
	if revision == 0 || head.UID != meta.GetUid() {
		return message
	}
	message.Image, message.Revision, message.Checksum, message.TagCount =
		head.Image, revision, head.Revision, int32(head.Count) //nolint:gosec // at most 2,000,000
	message.Vanished, message.Moved = head.Vanished, head.Moved
	message.VanishedCount = int32(head.VanishedCount) //nolint:gosec // at most 2,000,000
	if head.TraceParent != "" {
		message.Trace = &metav1.TraceContext{Traceparent: head.TraceParent, Tracestate: head.TraceState}
	}
	return message
}

func tagMessage(e tagset.Entry) *scannerv1.Tag {
	return &scannerv1.Tag{Name: e.Tag, FirstSeenTime: timestamppb.New(e.FirstSeen), Initial: e.Initial, Digest: e.Digest, Excluded: e.Excluded}
}

func tagMessages(entries []tagset.Entry) []*scannerv1.Tag {
	messages := make([]*scannerv1.Tag, len(entries))
	for i, e := range entries {
		messages[i] = tagMessage(e)
	}
	return messages
}
