// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// partSize is how many tags go into a message: few, so that every transfer has several.
const partSize = 3

// scanner is a small TagService whose tags the tests set. It remembers all that ever was.
type scanner struct {
	scannerv1.UnimplementedTagServiceServer
	t *testing.T

	mu       sync.Mutex
	name     string // of its store, for tokens
	revision int64
	heads    map[string]*scannerv1.TagSetHead
	tags     map[int64]map[string]*scannerv1.Tag // by head revision
	allowed  map[string][]string                 // repository -> namespaces
	digests  map[string]string                   // image:tag -> digest
	facts    map[string]*scannerv1.Tag           // image:tag -> metadata
	excluded map[string][]string                 // repository -> tags that its exclusion list leaves out
	labels   map[string]map[string]string        // image:tag -> labels
	changes  []change
	more     chan struct{}

	whole, deltas, digestReads int
	inspections                int
	asleep                     bool          // the registry: no metadata is read
	hang                       chan struct{} // not nil: StreamTags waits for it
	mute                       bool          // WatchTags tells nothing
}

type change struct {
	revision   int64
	repository string
	gone       bool
}

func newScanner(t *testing.T) *scanner {
	t.Helper()
	return &scanner{
		t: t, name: "one", heads: map[string]*scannerv1.TagSetHead{}, tags: map[int64]map[string]*scannerv1.Tag{},
		allowed: map[string][]string{}, digests: map[string]string{}, facts: map[string]*scannerv1.Tag{}, more: make(chan struct{}),
	}
}

// update changes things under the lock, at a new revision.
func (s *scanner) update(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision++
	f()
	close(s.more)
	s.more = make(chan struct{})
}

// declare makes a repository that was never scanned.
func (s *scanner) declare(repository string) {
	s.update(func() { s.declareLocked(repository) })
}

func (s *scanner) declareLocked(repository string) *scannerv1.TagSetHead {
	if head, ok := s.heads[repository]; ok {
		return head
	}
	namespace, name, _ := strings.Cut(repository, "/")
	head := &scannerv1.TagSetHead{
		Repository: &metav1.NamespacedObjectReference{Namespace: namespace, Name: name},
		Uid:        "uid-" + strconv.FormatInt(s.revision, 10), Image: "registry.test/" + name, Generation: 1,
	}
	s.heads[repository] = head
	s.changes = append(s.changes, change{revision: s.revision, repository: repository})
	return head
}

// push makes the tags the repository's tags; a new one is first seen now.
func (s *scanner) push(repository string, tags ...string) {
	s.update(func() {
		head := s.declareLocked(repository)
		before := s.tags[head.GetRevision()]
		now := map[string]*scannerv1.Tag{}
		for _, tag := range tags {
			now[tag] = cmp.Or(before[tag], &scannerv1.Tag{
				Name: tag, Initial: before == nil, FirstSeenTime: timestamppb.New(time.Unix(s.revision, 0)),
			})
		}
		s.tags[s.revision] = now
		s.heads[repository] = &scannerv1.TagSetHead{
			Repository: head.GetRepository(), Uid: head.GetUid(), Image: head.GetImage(), Generation: head.GetGeneration(),
			Revision: s.revision, TagCount: int32(len(now)),
			Trace: &metav1.TraceContext{Traceparent: traceparent(s.revision)},
		}
		s.changes = append(s.changes, change{revision: s.revision, repository: repository})
	})
}

// move tells that a digest has moved: of a tag that the head names, or of one that only the transfer tells of.
func (s *scanner) move(repository, named, sent string) {
	s.update(func() {
		head := s.heads[repository]
		now := maps.Clone(s.tags[head.GetRevision()])
		for _, tag := range slices.DeleteFunc([]string{named, sent}, func(tag string) bool { return tag == "" }) {
			now[tag] = &scannerv1.Tag{Name: tag, Initial: now[tag].GetInitial(), FirstSeenTime: now[tag].GetFirstSeenTime()}
			if tag == sent {
				now[tag].Digest = s.digests[head.GetImage()+":"+tag]
			}
		}
		s.tags[s.revision] = now
		moved := &scannerv1.TagSetHead{
			Repository: head.GetRepository(), Uid: head.GetUid(), Image: head.GetImage(), Generation: head.GetGeneration(),
			Revision: s.revision, TagCount: head.GetTagCount(), Trace: &metav1.TraceContext{Traceparent: traceparent(s.revision)},
		}
		if named != "" {
			moved.Moved = []string{named}
		}
		s.heads[repository] = moved
		s.changes = append(s.changes, change{revision: s.revision, repository: repository})
	})
}

func (s *scanner) revisionOf(repository string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heads[repository].GetRevision()
}

func traceparent(revision int64) string {
	return fmt.Sprintf("00-%032x-%016x-01", 0xabc000+revision, revision)
}

// allow replaces the namespaces that may read the repository, as a change of its spec does.
func (s *scanner) allow(repository string, namespaces ...string) {
	s.update(func() {
		s.allowed[repository] = namespaces
		head := s.heads[repository]
		s.heads[repository] = &scannerv1.TagSetHead{
			Repository: head.GetRepository(), Uid: head.GetUid(), Image: head.GetImage(), Revision: head.GetRevision(),
			TagCount: head.GetTagCount(), Trace: head.GetTrace(), Generation: head.GetGeneration() + 1,
		}
		s.changes = append(s.changes, change{revision: s.revision, repository: repository})
	})
}

func (s *scanner) remove(repository string) {
	s.update(func() {
		delete(s.heads, repository)
		s.changes = append(s.changes, change{revision: s.revision, repository: repository, gone: true})
	})
}

// setDigest says what GetTag answers; an empty digest: it fails.
func (s *scanner) setDigest(image, digest string) { s.update(func() { s.digests[image] = digest }) }

// replaceStore makes it a scanner that lost its store: nothing of it is the same, tokens least of all.
func (s *scanner) replaceStore(name string) {
	s.update(func() {
		s.name, s.changes = name, nil
		s.heads, s.tags = map[string]*scannerv1.TagSetHead{}, map[int64]map[string]*scannerv1.Tag{}
	})
}

func (s *scanner) counts() (whole, deltas, digestReads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.whole, s.deltas, s.digestReads
}

func (s *scanner) WatchTags(req *scannerv1.WatchTagsRequest, stream scannerv1.TagService_WatchTagsServer) error {
	at, events, err := s.begin(req.GetResumeToken())
	if err != nil {
		return err
	}
	for {
		for _, event := range events {
			if err := stream.Send(event); err != nil {
				return err
			}
		}
		var more <-chan struct{}
		if at, events, more = s.since(at); len(events) > 0 {
			continue
		}
		select {
		case <-more:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func (s *scanner) begin(token string) (int64, []*scannerv1.WatchTagsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != "" {
		name, revision, _ := strings.Cut(token, "@")
		at, err := strconv.ParseInt(revision, 10, 64)
		if name != s.name || err != nil {
			return 0, nil, fmt.Errorf("%w: %s", rpcerr.ErrTokenForeign, token)
		}
		return at, nil, nil
	}
	var events []*scannerv1.WatchTagsResponse
	for _, repository := range slices.Sorted(maps.Keys(s.heads)) {
		events = append(events, &scannerv1.WatchTagsResponse{
			Event: &scannerv1.WatchTagsResponse_Changed{Changed: s.heads[repository]},
		})
	}
	return s.revision, append(events, &scannerv1.WatchTagsResponse{
		ResumeToken: s.token(), Event: &scannerv1.WatchTagsResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}},
	}), nil
}

func (s *scanner) token() string { return s.name + "@" + strconv.FormatInt(s.revision, 10) }

func (s *scanner) since(at int64) (int64, []*scannerv1.WatchTagsResponse, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mute {
		return at, nil, s.more
	}
	last := map[string]change{}
	for _, c := range s.changes {
		if c.revision > at {
			last[c.repository] = c
		}
	}
	var events []*scannerv1.WatchTagsResponse
	for _, repository := range slices.Sorted(maps.Keys(last)) {
		event := &scannerv1.WatchTagsResponse{Event: &scannerv1.WatchTagsResponse_Changed{Changed: s.heads[repository]}}
		if last[repository].gone {
			namespace, name, _ := strings.Cut(repository, "/")
			event.Event = &scannerv1.WatchTagsResponse_Deleted{Deleted: &metav1.ObjectDeleted{Namespace: namespace, Name: name}}
		}
		events = append(events, event)
	}
	if len(events) > 0 {
		events[len(events)-1].ResumeToken = s.token()
	}
	return s.revision, events, s.more
}

func (s *scanner) StreamTags(req *scannerv1.StreamTagsRequest, stream scannerv1.TagService_StreamTagsServer) error {
	if _, ok := stream.Context().Deadline(); !ok {
		s.t.Error("StreamTags was called without a deadline")
	}
	s.mu.Lock()
	hang := s.hang
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
	parts, err := s.transfer(req)
	for _, part := range parts {
		if err := stream.Send(part); err != nil {
			return err
		}
	}
	return err
}

func (s *scanner) transfer(req *scannerv1.StreamTagsRequest) ([]*scannerv1.StreamTagsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	repository := req.GetRepository().GetNamespace() + "/" + req.GetRepository().GetName()
	head, err := s.readable(repository, req.GetPolicyNamespace())
	if err != nil {
		return nil, err
	}
	if head.GetRevision() == 0 {
		return nil, rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY, "never scanned")
	}
	before, known := s.tags[req.GetHaveRevision()]
	delta := known && req.GetHaveUid() == head.GetUid()
	if delta {
		s.deltas++
	} else {
		before = nil
		s.whole++
	}
	now := s.tags[head.GetRevision()]
	var added []*scannerv1.Tag
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if before[name] != now[name] {
			added = append(added, now[name])
		}
	}
	var parts []*scannerv1.StreamTagsResponse
	for chunk := range slices.Chunk(added, partSize) {
		parts = append(parts, &scannerv1.StreamTagsResponse{Whole: !delta, Added: chunk})
	}
	last := &scannerv1.StreamTagsResponse{Whole: !delta, Complete: head}
	for name := range before {
		if now[name] == nil {
			last.Removed = append(last.Removed, name)
		}
	}
	return append(parts, last), nil
}

func (s *scanner) readable(repository, namespace string) (*scannerv1.TagSetHead, error) {
	head, ok := s.heads[repository]
	if !ok {
		return nil, fmt.Errorf("ImageRepository %s: %w", repository, rpcerr.ErrNotFound)
	}
	own := head.GetRepository().GetNamespace()
	if namespace != "" && namespace != own && !slices.Contains(s.allowed[repository], namespace) {
		return nil, rpcerr.New(codes.PermissionDenied, metav1.ErrorReason_ERROR_REASON_ACCESS_DENIED, "not for %s", namespace)
	}
	return head, nil
}

func (s *scanner) GetTag(ctx context.Context, req *scannerv1.GetTagRequest) (*scannerv1.GetTagResponse, error) {
	if _, ok := ctx.Deadline(); !ok {
		s.t.Error("GetTag was called without a deadline")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	head, err := s.readable(req.GetNamespace()+"/"+req.GetName(), req.GetPolicyNamespace())
	if err != nil {
		return nil, err
	}
	if len(req.GetMetadata()) == 0 {
		s.digestReads++
		if !req.GetTrack() {
			s.t.Error("the selected tag is not tracked")
		}
	} else if s.inspections++; s.asleep {
		return nil, rpcerr.New(codes.Unavailable, metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED, "the registry is asleep")
	}
	if _, told := s.facts[head.GetImage()+":"+req.GetTag()]; told {
		return &scannerv1.GetTagResponse{Tag: s.describe(head.GetImage(), req.GetTag(), wantedOf(req))}, nil
	}
	digest := s.digests[head.GetImage()+":"+req.GetTag()]
	if digest == "" && slices.Contains(wantedOf(req), scannerv1.TagMetadata_TAG_METADATA_DIGEST) {
		return nil, rpcerr.New(codes.Unavailable, metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED, "the registry is asleep")
	}
	return &scannerv1.GetTagResponse{Tag: &scannerv1.Tag{
		Name: req.GetTag(), Digest: digest, Labels: s.labels[head.GetImage()+":"+req.GetTag()],
	}}, nil
}

func wantedOf(req *scannerv1.GetTagRequest) []scannerv1.TagMetadata {
	if len(req.GetMetadata()) == 0 {
		return []scannerv1.TagMetadata{scannerv1.TagMetadata_TAG_METADATA_DIGEST}
	}
	return req.GetMetadata()
}

// ListTags answers in pages of two.
func (s *scanner) ListTags(_ context.Context, req *scannerv1.ListTagsRequest) (*scannerv1.ListTagsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	repository := req.GetNamespace() + "/" + req.GetName()
	head, err := s.readable(repository, "")
	if err != nil {
		return nil, err
	}
	var tags []*scannerv1.Tag
	for _, name := range slices.Sorted(maps.Keys(s.tags[head.GetRevision()])) {
		tags = append(tags, &scannerv1.Tag{
			Name: name, Digest: s.digests[head.GetImage()+":"+name], Labels: s.labels[head.GetImage()+":"+name],
		})
	}
	if req.GetIncludeExcluded() {
		for _, name := range s.excluded[repository] {
			tags = append(tags, &scannerv1.Tag{Name: name, Excluded: true})
		}
	}
	from, _ := strconv.Atoi(req.GetPageToken())
	resp := &scannerv1.ListTagsResponse{Head: head, Tags: tags[from:min(from+2, len(tags))]}
	if from+2 < len(tags) {
		resp.NextPageToken = strconv.Itoa(from + 2)
	}
	return resp, nil
}

// describe says of a tag what was set with tell, and what was asked for. The caller holds mu.
func (s *scanner) describe(image, tag string, wanted []scannerv1.TagMetadata) *scannerv1.Tag {
	known := s.facts[image+":"+tag]
	told := &scannerv1.Tag{Name: tag, MetadataError: known.GetMetadataError()}
	for _, one := range wanted {
		switch one {
		case scannerv1.TagMetadata_TAG_METADATA_DIGEST:
			told.Digest = cmp.Or(s.digests[image+":"+tag], "sha256:of-"+tag)
		case scannerv1.TagMetadata_TAG_METADATA_CREATED:
			told.CreatedTime = known.GetCreatedTime()
		case scannerv1.TagMetadata_TAG_METADATA_PUSHED:
			told.PushedTime = known.GetPushedTime()
		case scannerv1.TagMetadata_TAG_METADATA_PLATFORMS:
			told.Platforms = known.GetPlatforms()
		case scannerv1.TagMetadata_TAG_METADATA_LABELS:
			told.Labels = s.labels[image+":"+tag]
			if known.GetLabels() != nil {
				told.Labels = known.GetLabels()
			}
		case scannerv1.TagMetadata_TAG_METADATA_UNSPECIFIED:
			s.t.Error("metadata without a name is asked for")
		}
	}
	return told
}

// tell sets what the registry says of an image.
func (s *scanner) tell(image string, facts *scannerv1.Tag) {
	s.update(func() { s.facts[image] = facts })
}
