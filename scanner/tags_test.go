// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestStreamTagsSendsTheWholeSetOrWhatChanged(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0", "1.1.0", "1.1.0.sig")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(2))
	whole, err := s.stream(&scannerv1.StreamTagsRequest{Repository: ref("app")})
	if err != nil || !whole.whole || len(whole.added) != 2 || whole.removed != nil || whole.head.GetChecksum() != checksum("1.0.0", "1.1.0") ||
		whole.head.GetTagCount() != 2 || whole.head.GetTrace().GetTraceparent() == "" {
		t.Fatalf("first: %+v, %v", whole, err)
	}
	have := func(of streamed) *scannerv1.StreamTagsRequest {
		return &scannerv1.StreamTagsRequest{Repository: ref("app"), HaveUid: of.head.GetUid(), HaveRevision: of.head.GetRevision()}
	}
	same, err := s.stream(have(whole))
	if err != nil || same.whole || same.added != nil || same.removed != nil || !proto.Equal(same.head, whole.head) {
		t.Errorf("nothing new: %+v, %v", same, err)
	}
	r.push("app", "1.2.0")
	s.mustScan("app")
	if err := r.Delete(t.Context(), "app", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	s.mustScan("app")
	delta, err := s.stream(have(whole))
	if err != nil || delta.whole || !slices.Equal(names(delta.added), []string{"1.2.0"}) || !slices.Equal(delta.removed, []string{"1.0.0"}) ||
		delta.head.GetRevision() <= whole.head.GetRevision() {
		t.Errorf("two scans later: %+v, %v", delta, err)
	}
	for name, req := range map[string]*scannerv1.StreamTagsRequest{
		"of another object":        {Repository: ref("app"), HaveUid: "other", HaveRevision: whole.head.GetRevision()},
		"of the future":            {Repository: ref("app"), HaveUid: whole.head.GetUid(), HaveRevision: 1 << 40},
		"that no head was written": {Repository: ref("app"), HaveUid: whole.head.GetUid(), HaveRevision: whole.head.GetRevision() + 1},
	} {
		if got, err := s.stream(req); err != nil || !got.whole || !slices.Equal(names(got.added), []string{"1.1.0", "1.2.0"}) {
			t.Errorf("a revision %s: %+v, %v", name, got, err)
		}
	}
	if _, err := s.store.Client().Compact(t.Context(), s.revision()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.stream(have(whole)); err != nil || !got.whole || len(got.added) != 2 {
		t.Errorf("a revision that is compacted: %+v, %v", got, err)
	}
	if got, err := s.stream(have(delta)); err != nil || got.whole || len(got.added) != 0 {
		t.Errorf("the current revision, after the compaction: %+v, %v", got, err)
	}
}

// manyTags is a registry of one repository with a number of tags.
func manyTags(t *testing.T, count int) string {
	t.Helper()
	var list struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	for i := range count {
		list.Tags = append(list.Tags, fmt.Sprintf("main-%07d-build", i))
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tags/list") {
			_, _ = w.Write(body)
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestLargeSetIsStreamedInMessagesOfAMebibyte(t *testing.T) {
	const count = 120_000
	s := start(t)
	s.apply(repository("app", manyTags(t, count)+"/app"))
	s.settled("app", found(count))
	if keys := s.chunkKeys(); len(keys) < 3 {
		t.Errorf("the set is in %d chunks", len(keys))
	}
	conn := &largest{ClientConnInterface: s.conn}
	s.tags = scannerv1.NewTagServiceClient(conn)
	got, err := s.stream(&scannerv1.StreamTagsRequest{Repository: ref("app")})
	if err != nil || len(got.added) != count || got.messages < 4 || !slices.IsSorted(names(got.added)) {
		t.Errorf("%d tags in %d messages, %v", len(got.added), got.messages, err)
	}
	if conn.size > 1<<20 {
		t.Errorf("a message of %d bytes", conn.size)
	}
	last := s.list(&scannerv1.ListTagsRequest{Name: "app", Pattern: "9999-build$", PageSize: 10000})
	if len(last.GetTags()) != 12 || last.GetTags()[11].GetName() != "main-0119999-build" {
		t.Errorf("listed %v", names(last.GetTags()))
	}
}

// largest notes the size of the largest message received.
type largest struct {
	grpc.ClientConnInterface
	size int
}

type largestStream struct {
	grpc.ClientStream
	conn *largest
}

func (l *largest) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := l.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	return &largestStream{ClientStream: stream, conn: l}, err
}

func (s *largestStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if message, ok := m.(proto.Message); ok && err == nil {
		s.conn.size = max(s.conn.size, proto.Size(message))
	}
	return err
}

func TestPagesAreOfOneRevision(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "a", "b", "c", "d", "e")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(5))
	req := &scannerv1.ListTagsRequest{Name: "app", PageSize: 2}
	var got []string
	var head *scannerv1.TagSetHead
	for page := 0; ; page++ {
		resp := s.list(req)
		if head != nil && !proto.Equal(head, resp.GetHead()) {
			t.Errorf("page %d is of %v, the first of %v", page, resp.GetHead(), head)
		}
		head = resp.GetHead()
		got = append(got, names(resp.GetTags())...)
		if resp.GetNextPageToken() == "" {
			break
		}
		req.PageToken = resp.GetNextPageToken()
		if page == 0 {
			r.push("app", "bb", "f")
			if err := r.Delete(t.Context(), "app", "d"); err != nil {
				t.Fatal(err)
			}
			s.mustScan("app")
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
	now := s.list(&scannerv1.ListTagsRequest{Name: "app", Pattern: "^[b-e]"})
	if diff := cmp.Diff([]string{"b", "bb", "c", "e"}, names(now.GetTags())); diff != "" {
		t.Error("with a pattern (-want +got):", diff)
	}
	refused := func(what string, req *scannerv1.ListTagsRequest, field string) {
		t.Helper()
		_, err := s.tags.ListTags(t.Context(), req)
		if v := rpcerr.FieldViolations(err); status.Code(err) != codes.InvalidArgument || len(v) != 1 || v[0].Path != field {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("a token of another pattern", &scannerv1.ListTagsRequest{Name: "app", Pattern: "x", PageToken: req.GetPageToken()}, "pageToken")
	refused("a token that is none", &scannerv1.ListTagsRequest{Name: "app", PageToken: "AAAA"}, "pageToken")
	refused("a pattern that does not compile", &scannerv1.ListTagsRequest{Name: "app", Pattern: "("}, "pattern")
	if _, err := s.store.Client().Compact(t.Context(), s.revision()); err != nil {
		t.Fatal(err)
	}
	refused("a token whose revision is compacted", req, "pageToken")
}

func TestAccessFromDecidesWhoReads(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	selector := func(labels map[string]string) *scannerv1.AccessFrom {
		return &scannerv1.AccessFrom{NamespaceSelectors: []*scannerv1.NamespaceSelector{{MatchLabels: labels}}}
	}
	for _, tt := range []struct {
		name      string
		access    *scannerv1.AccessFrom
		namespace string
		allowed   bool
	}{
		{"nobody else by default", nil, "trusted", false},
		{"its own namespace always", nil, "flux-system", true},
		{"who asks for nobody", nil, "", true},
		{"an empty list: nobody else", &scannerv1.AccessFrom{}, "trusted", false},
		{"a label that it has", selector(map[string]string{"team": "apps"}), "trusted", true},
		{"a label that it lacks", selector(map[string]string{"team": "apps"}), "other", false},
		{"one label of two", selector(map[string]string{"team": "apps", "x": ""}), "trusted", false},
		{"by its name", selector(map[string]string{"kubernetes.io/metadata.name": "other"}), "other", true},
		{"no labels: everybody", selector(nil), "other", true},
	} {
		s.apply(repository("app", r.Host()+"/app", func(r *scannerv1.ImageRepository) { r.Spec.AccessFrom = tt.access }))
		s.settled("app", found(1))
		_, streamErr := s.stream(&scannerv1.StreamTagsRequest{Repository: ref("app"), PolicyNamespace: tt.namespace})
		_, tagErr := s.tags.GetTag(t.Context(), &scannerv1.GetTagRequest{Name: "app", Tag: "1.0.0", PolicyNamespace: tt.namespace})
		for what, err := range map[string]error{"stream": streamErr, "tag": tagErr} {
			denied := status.Code(err) == codes.PermissionDenied && rpcerr.Reason(err) == metav1.ErrorReason_ERROR_REASON_ACCESS_DENIED
			if tt.allowed && err != nil || !tt.allowed && !denied {
				t.Errorf("%s: %s: %v", tt.name, what, err)
			}
		}
	}
}

func TestGetTagOfWhatIsNotThere(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0", "x.sig")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(1))
	for _, tag := range []string{"0", "2.0.0", "x.sig"} {
		_, err := s.tags.GetTag(t.Context(), &scannerv1.GetTagRequest{Name: "app", Tag: tag})
		if status.Code(err) != codes.NotFound || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND {
			t.Errorf("%s: %v", tag, err)
		}
	}
	if err := r.Delete(t.Context(), "app", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	_, err := s.tags.GetTag(t.Context(), &scannerv1.GetTagRequest{Name: "app", Tag: "1.0.0"})
	if status.Code(err) != codes.NotFound || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED {
		t.Errorf("gone since the scan: %v", err)
	}
}

// heads follows WatchTags.
type heads struct {
	t      *testing.T
	stream grpc.ServerStreamingClient[scannerv1.WatchTagsResponse]
	token  string
	cancel context.CancelFunc
}

func (s *service) watch(t *testing.T, token string) *heads {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	stream, err := s.tags.WatchTags(ctx, &scannerv1.WatchTagsRequest{ResumeToken: token})
	if err != nil {
		t.Fatal(err)
	}
	return &heads{t: t, stream: stream, cancel: cancel}
}

// next is the event in words: `.` is a checkpoint, `-name` a deletion.
func (h *heads) next() string {
	h.t.Helper()
	resp, err := h.stream.Recv()
	if err != nil {
		h.t.Fatalf("watch: %v", err)
	}
	if resp.GetResumeToken() != "" {
		h.token = resp.GetResumeToken()
	}
	switch event := resp.GetEvent().(type) {
	case *scannerv1.WatchTagsResponse_Changed:
		return fmt.Sprintf("%s %d tags, generation %d, scanned %t", event.Changed.GetRepository().GetName(), event.Changed.GetTagCount(),
			event.Changed.GetGeneration(), event.Changed.GetRevision() > 0)
	case *scannerv1.WatchTagsResponse_Deleted:
		return "-" + event.Deleted.GetName()
	default:
		return "."
	}
}

// expect passes checkpoints over, unless one is wanted next.
func (h *heads) expect(want ...string) {
	h.t.Helper()
	for _, w := range want {
		got := h.next()
		for got == "." && w != "." {
			got = h.next()
		}
		if got != w {
			h.t.Errorf("got %q, want %q", got, w)
		}
	}
}

func TestWatchTagsFollowsHeads(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	s.apply(repository("never", "ghcr.io/a/b:tag"))
	s.settled("never", failedFor("ImageURLInvalid"))
	h := s.watch(t, "")
	h.expect("never 0 tags, generation 1, scanned false", ".")
	s.apply(repository("app", r.Host()+"/app"))
	h.expect("app 0 tags, generation 1, scanned false", "app 1 tags, generation 1, scanned true")
	s.settled("app", found(1))
	s.mustScan("app") // nothing new: no word of it
	r.push("app", "1.1.0")
	s.mustScan("app")
	h.expect("app 2 tags, generation 1, scanned true")
	h.cancel()
	r.push("app", "1.2.0", "1.3.0")
	s.mustScan("app")
	s.apply(repository("app", r.Host()+"/app", interval(2*time.Hour)))
	s.settled("app", found(4))
	s.delete("never")
	resumed := s.watch(t, h.token)
	got := []string{resumed.next(), resumed.next()}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"-never", "app 4 tags, generation 2, scanned true"}, got); diff != "" {
		t.Error("resumed (-want +got):", diff)
	}
	s.delete("app")
	resumed.expect("-app")
	foreign := s.watch(t, "AAAA")
	if _, err := foreign.stream.Recv(); !errors.Is(rpcerr.FromError(err), rpcerr.ErrTokenForeign) {
		t.Errorf("a token that is none: %v", err)
	}
}
