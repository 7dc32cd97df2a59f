// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/scanner"
)

const (
	wantDigest    = scannerv1.TagMetadata_TAG_METADATA_DIGEST
	wantCreated   = scannerv1.TagMetadata_TAG_METADATA_CREATED
	wantPushed    = scannerv1.TagMetadata_TAG_METADATA_PUSHED
	wantPlatforms = scannerv1.TagMetadata_TAG_METADATA_PLATFORMS
	wantLabels    = scannerv1.TagMetadata_TAG_METADATA_LABELS
)

// madeAt pushes an image that says when it was made, and returns its digest.
func (r *registry) madeAt(repository, tag, created string) string {
	r.t.Helper()
	made, err := time.Parse(time.RFC3339, created)
	if err != nil {
		r.t.Fatal(err)
	}
	image, err := mutate.ConfigFile(mutate.MediaType(empty.Image, types.OCIManifestSchema1), &v1.ConfigFile{
		OS: "linux", Architecture: "amd64", Created: v1.Time{Time: made}, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{Labels: map[string]string{"for": tag}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	if err := r.PushImage(r.t.Context(), repository, tag, image); err != nil {
		r.t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		r.t.Fatal(err)
	}
	return digest.String()
}

// front is a registry's host that counts what is asked for by digest, and may refuse.
type front struct {
	*httptest.Server
	contents atomic.Int64
	refuse   atomic.Pointer[string] // requests whose path contains it
	extra    atomic.Pointer[http.Handler]
}

func (r *registry) front() *front {
	r.t.Helper()
	f := &front{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: r.Host()})
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		refused := f.refuse.Load()
		switch extra := f.extra.Load(); {
		case refused != nil && strings.Contains(req.URL.Path, *refused):
			w.WriteHeader(http.StatusInternalServerError)
			return
		case extra != nil && !strings.HasPrefix(req.URL.Path, "/v2/"):
			(*extra).ServeHTTP(w, req)
			return
		case strings.Contains(req.URL.Path, "/sha256:"):
			f.contents.Add(1)
		}
		proxy.ServeHTTP(w, req)
	}))
	r.t.Cleanup(f.Close)
	return f
}

func (f *front) host() string { return strings.TrimPrefix(f.URL, "http://") }

func (s *service) tag(req *scannerv1.GetTagRequest) *scannerv1.Tag {
	s.t.Helper()
	resp, err := s.tags.GetTag(s.t.Context(), req)
	if err != nil {
		s.t.Fatalf("get tag: %v", err)
	}
	return resp.GetTag()
}

func TestMetadataIsReadOncePerDigestAndKept(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	f := r.front()
	first := r.madeAt("app", "1.0.0", "2025-01-02T03:04:05Z")
	st, secrets := storetest.Open(t), &secret.Memory{}
	s := startOn(t, st, secrets)
	applied := s.apply(repository("app", f.host()+"/app"))
	s.settled("app", found(1))
	get := &scannerv1.GetTagRequest{Name: "app", Tag: "1.0.0", Metadata: []scannerv1.TagMetadata{wantCreated, wantPlatforms, wantLabels}}
	check := func(tag *scannerv1.Tag, created string, contents int64) {
		t.Helper()
		if tag.GetCreatedTime().AsTime().Format(time.RFC3339) != created || !slices.Equal(tag.GetPlatforms(), []string{"linux/amd64"}) ||
			!cmp.Equal(tag.GetLabels(), map[string]string{"for": "1.0.0"}) || tag.GetDigest() != "" || tag.GetMetadataError() != "" || !tag.GetInitial() {
			t.Errorf("%v", tag)
		}
		if got := f.contents.Load(); got != contents {
			t.Errorf("%d requests for content, want %d", got, contents)
		}
	}
	check(s.tag(get), "2025-01-02T03:04:05Z", 2)
	check(s.tag(get), "2025-01-02T03:04:05Z", 2)
	s.stop()
	s = startOn(t, st, secrets)
	check(s.tag(get), "2025-01-02T03:04:05Z", 2)
	second := r.madeAt("app", "1.0.0", "2025-02-02T03:04:05Z")
	check(s.tag(get), "2025-02-02T03:04:05Z", 4)
	if got := s.tag(&scannerv1.GetTagRequest{Name: "app", Tag: "1.0.0"}); got.GetDigest() != second || got.GetCreatedTime() != nil || second == first {
		t.Errorf("the digest alone: %v", got)
	}
	s.tag(&scannerv1.GetTagRequest{Name: "app", Tag: "1.0.0", Track: true})
	left := func() int64 {
		resp, err := st.Client().Get(t.Context(), st.Prefix()+"/scanner/", clientv3.WithPrefix(), clientv3.WithKeysOnly())
		if err != nil {
			t.Fatal(err)
		}
		var count int64
		for _, kv := range resp.Kvs {
			if strings.Contains(string(kv.GetKey()), applied.GetMetadata().GetUid()) {
				count++
			}
		}
		return count
	}
	if left() != 5 { // a chunk, where it is from, two digests, a tracked tag
		t.Errorf("%d keys of the object", left())
	}
	s.delete("app")
	if left() != 0 {
		t.Errorf("%d keys are left of the deleted object", left())
	}
}

func TestListTagsOrdersFiltersAndPages(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	for i, tag := range []string{"1.10.0", "main", "1.9.0", "1.9", "v2.0.0-rc.1", "2.0.0", "latest"} {
		r.madeAt("app", tag, fmt.Sprintf("2025-01-%02dT00:00:00Z", 20-i))
	}
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(7))
	r.madeAt("app", "0.0.1", "2026-01-01T00:00:00Z")
	s.mustScan("app")
	byVersion := []string{"latest", "main", "0.0.1", "1.9", "1.9.0", "1.10.0", "v2.0.0-rc.1", "2.0.0"}
	byCreated := []string{"latest", "2.0.0", "v2.0.0-rc.1", "1.9", "1.9.0", "main", "1.10.0", "0.0.1"}
	byName := slices.Sorted(slices.Values(byVersion))
	bySeen := append(slices.DeleteFunc(slices.Clone(byName), func(tag string) bool { return tag == "0.0.1" }), "0.0.1")
	for order, want := range map[scannerv1.TagOrder][]string{
		scannerv1.TagOrder_TAG_ORDER_UNSPECIFIED: byName, scannerv1.TagOrder_TAG_ORDER_NAME: byName,
		scannerv1.TagOrder_TAG_ORDER_VERSION: byVersion, scannerv1.TagOrder_TAG_ORDER_CREATED: byCreated,
		scannerv1.TagOrder_TAG_ORDER_FIRST_SEEN: bySeen,
	} {
		for _, descending := range []bool{false, true} {
			for _, c := range []struct {
				pattern string
				size    int32
			}{{"", 0}, {"", 1}, {"", 3}, {`^\d`, 2}} {
				want := slices.Clone(want)
				if c.pattern != "" {
					want = slices.DeleteFunc(want, func(tag string) bool { return tag[0] < '0' || tag[0] > '9' })
				}
				if descending {
					slices.Reverse(want)
				}
				req := &scannerv1.ListTagsRequest{Name: "app", OrderBy: order, Descending: descending, Pattern: c.pattern, PageSize: c.size}
				var got []string
				for {
					page := s.list(req)
					got = append(got, names(page.GetTags())...)
					for _, tag := range page.GetTags() {
						if (tag.GetCreatedTime() != nil) != (order == scannerv1.TagOrder_TAG_ORDER_CREATED) || tag.GetDigest() != "" {
							t.Errorf("%v: %v", order, tag)
						}
					}
					if req.PageToken = page.GetNextPageToken(); req.PageToken == "" || len(got) > 20 {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%v, descending %t, %q, %d a page: %v, want %v", order, descending, c.pattern, c.size, got, want)
				}
			}
		}
	}
	first := s.list(&scannerv1.ListTagsRequest{Name: "app", OrderBy: scannerv1.TagOrder_TAG_ORDER_VERSION, PageSize: 1})
	_, err := s.tags.ListTags(t.Context(), &scannerv1.ListTagsRequest{
		Name: "app", OrderBy: scannerv1.TagOrder_TAG_ORDER_CREATED, PageSize: 1, PageToken: first.GetNextPageToken()})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a page token of another order: %v", err)
	}
}

func TestTooManyTagsAreNotOrderedByTheirCreation(t *testing.T) {
	s := start(t)
	s.apply(repository("app", manyTags(t, 1001)+"/app"))
	s.settled("app", found(1001))
	_, err := s.tags.ListTags(t.Context(), &scannerv1.ListTagsRequest{Name: "app", OrderBy: scannerv1.TagOrder_TAG_ORDER_CREATED})
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(rpcerr.Sentence(rpcerr.FromError(err)), "1000") {
		t.Errorf("got %v", err)
	}
}

func TestATagsFailureIsTold(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	f := r.front()
	r.madeAt("app", "1.0.0", "2025-01-01T00:00:00Z")
	broken := r.madeAt("app", "1.1.0", "2025-01-02T00:00:00Z")
	r.madeAt("app", "1.2.0", "2025-01-03T00:00:00Z")
	s := start(t)
	s.apply(repository("app", f.host()+"/app"))
	s.settled("app", found(3))
	if err := r.Delete(t.Context(), "app", "1.2.0"); err != nil {
		t.Fatal(err)
	}
	path := "/manifests/" + broken
	f.refuse.Store(&path)
	page := s.list(&scannerv1.ListTagsRequest{
		Name: "app", OrderBy: scannerv1.TagOrder_TAG_ORDER_CREATED, Metadata: []scannerv1.TagMetadata{wantDigest, wantCreated}}).GetTags()
	if !slices.Equal(names(page), []string{"1.1.0", "1.2.0", "1.0.0"}) {
		t.Fatalf("%v", page)
	}
	if page[0].GetDigest() != broken || !strings.Contains(page[0].GetMetadataError(), "500 Internal Server Error") || page[0].GetCreatedTime() != nil {
		t.Errorf("its manifest cannot be had: %v", page[0])
	}
	if page[1].GetDigest() != "" || !strings.Contains(page[1].GetMetadataError(), "does not exist") {
		t.Errorf("gone since the scan: %v", page[1])
	}
	if page[2].GetMetadataError() != "" || page[2].GetCreatedTime() == nil {
		t.Errorf("nothing is wrong with it: %v", page[2])
	}
	f.refuse.Store(nil)
	if got := s.tag(&scannerv1.GetTagRequest{Name: "app", Tag: "1.1.0", Metadata: []scannerv1.TagMetadata{wantCreated}}); got.GetCreatedTime() == nil {
		t.Errorf("it can be had again: %v", got)
	}
	_, err := s.tags.GetTag(t.Context(), &scannerv1.GetTagRequest{Name: "app", Tag: "1.2.0"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("the digest of a tag that is gone: %v", err)
	}
}

func TestPushTimesAreTheRegistrysOwn(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	f := r.front()
	r.push("org/app", "1.0.0", "1.1.0")
	api := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/api/v1/repository/org/app/tag/" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if req.URL.Query().Get("specificTag") == "1.0.0" {
			_, _ = fmt.Fprint(w, `{"tags":[{"name":"1.0.0","start_ts":1767225600}],"has_additional":false}`)
			return
		}
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	f.extra.Store(&api)
	s := startOn(t, storetest.Open(t), &secret.Memory{}, func(c *scanner.Config) { c.PushTimes.Quay = []string{f.host()} })
	s.apply(repository("app", f.host()+"/org/app", insecure))
	s.apply(repository("elsewhere", r.Host()+"/org/app"))
	s.settled("app", found(2))
	s.settled("elsewhere", found(2))
	pushed := []scannerv1.TagMetadata{wantPushed}
	got := s.tag(&scannerv1.GetTagRequest{Name: "app", Tag: "1.0.0", Metadata: pushed})
	if !got.GetPushedTime().AsTime().Equal(time.Unix(1767225600, 0)) || got.GetMetadataError() != "" || got.GetDigest() != "" {
		t.Errorf("told: %v", got)
	}
	got = s.tag(&scannerv1.GetTagRequest{Name: "app", Tag: "1.1.0", Metadata: pushed})
	if got.GetPushedTime() != nil || !strings.Contains(got.GetMetadataError(), "429 Too Many Requests") {
		t.Errorf("not told now: %v", got)
	}
	got = s.tag(&scannerv1.GetTagRequest{Name: "elsewhere", Tag: "1.0.0", Metadata: pushed})
	if got.GetPushedTime() != nil || got.GetMetadataError() != "" {
		t.Errorf("never told: %v", got)
	}
}

func insecure(r *scannerv1.ImageRepository) { r.Spec.Insecure = true }

func TestAMovedDigestOfATrackedTagIsTold(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	before := r.madeAt("app", "stable", "2025-01-01T00:00:00Z")
	r.madeAt("app", "other", "2025-01-01T00:00:00Z")
	r.push("app", "1.0.0", "1.1.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(4))
	if got := s.tag(&scannerv1.GetTagRequest{Name: "app", Tag: "stable", Track: true}); got.GetDigest() != before {
		t.Fatalf("%v", got)
	}
	had, err := s.stream(&scannerv1.StreamTagsRequest{Repository: ref("app")})
	if err != nil {
		t.Fatal(err)
	}
	s.mustScan("app")
	if now := s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetHead(); now.GetRevision() != had.head.GetRevision() {
		t.Errorf("nothing moved, and the head did: %v", now)
	}
	after := r.madeAt("app", "stable", "2025-02-01T00:00:00Z")
	r.madeAt("app", "other", "2025-02-01T00:00:00Z")
	// Somebody else who begins to track it is told the new digest; who tracked it before is still to hear of it.
	if got := s.tag(&scannerv1.GetTagRequest{Name: "app", Tag: "stable", Track: true}); got.GetDigest() != after {
		t.Fatalf("%v", got)
	}
	scanned := s.mustScan("app")
	delta, err := s.stream(&scannerv1.StreamTagsRequest{Repository: ref("app"), HaveUid: had.head.GetUid(), HaveRevision: had.head.GetRevision()})
	if err != nil || delta.whole || len(delta.removed) != 0 || !slices.Equal(names(delta.added), []string{"stable"}) {
		t.Fatalf("%+v, %v", delta, err)
	}
	if got := delta.added[0]; got.GetDigest() != after || !got.GetInitial() {
		t.Errorf("%v", got)
	}
	if head := delta.head; !slices.Equal(head.GetMoved(), []string{"stable"}) || head.GetVanishedCount() != 0 || head.GetRevision() <= had.head.GetRevision() ||
		head.GetChecksum() != had.head.GetChecksum() {
		t.Errorf("%v", head)
	}
	if scanned.GetResult().GetRevision() != had.head.GetChecksum() || scanned.GetResult().GetTagCount() != 4 {
		t.Errorf("the status shows a moved digest: %v", scanned.GetResult())
	}
	s.mustScan("app")
	if now := s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetHead(); now.GetRevision() != delta.head.GetRevision() {
		t.Errorf("it was told twice: %v", now)
	}
	if err := r.Delete(t.Context(), "app", "1.0.0", "1.1.0"); err != nil {
		t.Fatal(err)
	}
	s.mustScan("app")
	head := s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetHead()
	if !slices.Equal(head.GetVanished(), []string{"1.0.0", "1.1.0"}) || head.GetVanishedCount() != 2 || head.GetMoved() != nil {
		t.Errorf("two tags are gone: %v", head)
	}
}

func TestATrackedTagThatCannotBeAskedAboutFailsNoScan(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	f := r.front()
	r.madeAt("app", "stable", "2025-01-01T00:00:00Z")
	s := start(t)
	s.apply(repository("app", f.host()+"/app"))
	s.settled("app", found(1))
	s.tag(&scannerv1.GetTagRequest{Name: "app", Tag: "stable", Track: true})
	path := "/manifests/"
	f.refuse.Store(&path)
	r.madeAt("app", "stable", "2025-02-01T00:00:00Z")
	if got := s.mustScan("app"); got.GetResult().GetTagCount() != 1 {
		t.Errorf("%v", got)
	}
	f.refuse.Store(nil)
	s.mustScan("app")
	if head := s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetHead(); !slices.Equal(head.GetMoved(), []string{"stable"}) {
		t.Errorf("%v", head)
	}
}
