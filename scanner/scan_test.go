// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestScanTellsWhatItFound(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("team/podinfo", "7.8.0", "7.8.1")
	s := start(t)
	s.apply(repository("podinfo", r.Host()+"/team/podinfo"))
	got := s.settled("podinfo", isReady)
	sum := checksum("7.8.0", "7.8.1")
	if want := "successful scan: found 2 tags with checksum " + sum; message(got) != want {
		t.Errorf("message %q, want %q", message(got), want)
	}
	st := got.GetStatus()
	if st.GetLastScanResult().GetRevision() != sum || st.GetCanonicalImageName() != r.Host()+"/team/podinfo" ||
		conditions.Ready(st).GetReason() != "Succeeded" || len(st.GetConditions()) != 1 {
		t.Errorf("status %v", st)
	}
	if diff := cmp.Diff([]string{"7.8.1", "7.8.0"}, st.GetLastScanResult().GetLatestTags()); diff != "" {
		t.Error("latest tags (-want +got):", diff)
	}
	if r.listings.Load() != 1 {
		t.Errorf("%d listings, want one", r.listings.Load())
	}
}

func TestNewTagIsFoundAfterTheInterval(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app", interval(50*time.Millisecond)))
	s.settled("app", found(1))
	r.push("app", "1.1.0")
	s.settled("app", found(2))
	tags := s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetTags()
	if len(tags) != 2 || !tags[0].GetInitial() || tags[1].GetInitial() ||
		!tags[1].GetFirstSeenTime().AsTime().After(tags[0].GetFirstSeenTime().AsTime()) {
		t.Errorf("tags %v", tags)
	}
}

func TestNewTagIsFoundOnRequestWithoutAnInterval(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app", interval(0)))
	first := s.settled("app", found(1))
	r.push("app", "1.1.0")
	resp := s.mustScan("app")
	if resp.GetResult().GetTagCount() != 2 || !found(2)(resp.GetImageRepository()) {
		t.Errorf("answer %v", resp)
	}
	if !resp.GetImageRepository().GetStatus().GetLastScanResult().GetScanTime().AsTime().After(
		first.GetStatus().GetLastScanResult().GetScanTime().AsTime()) {
		t.Error("the time of a requested scan is not in the status")
	}
}

func TestExcludedTagsDoNotCount(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0", "1.0.0-dev", "v1.sig", "sha256-"+strings.Repeat("0a", 32))
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	got := s.settled("app", found(2))
	if len(got.GetStatus().GetObservedExclusionList()) != 2 {
		t.Errorf("observed exclusion list %q", got.GetStatus().GetObservedExclusionList())
	}
	exclude := func(patterns ...string) func(*scannerv1.ImageRepository) {
		return func(r *scannerv1.ImageRepository) {
			r.Spec.ExclusionList = &scannerv1.ExclusionList{Patterns: patterns}
		}
	}
	s.apply(repository("app", r.Host()+"/app", exclude("-dev$", "^sha")))
	got = s.settled("app", isReady)
	if diff := cmp.Diff([]string{"1.0.0", "v1.sig"}, names(s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetTags())); diff != "" {
		t.Error("(-want +got):", diff)
	}
	if got.GetStatus().GetLastScanResult().GetRevision() != checksum("1.0.0", "v1.sig") {
		t.Errorf("status %v", got.GetStatus())
	}
	s.apply(repository("app", r.Host()+"/app", exclude()))
	s.settled("app", found(4))
}

func TestUnreachableRegistryKeepsTheTagsAndComesBack(t *testing.T) {
	dir := t.TempDir()
	r := startRegistry(t, localregistry.Config{Dir: dir})
	r.push("app", "1.0.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app", interval(50*time.Millisecond)))
	before := s.settled("app", found(1))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got := s.settled("app", failedFor("ReadOperationFailed"))
	want := "scan failed: registry " + r.Host() + " cannot be reached: connection refused"
	if message(got) != want || got.GetStatus().GetLastScanResult().GetRevision() != before.GetStatus().GetLastScanResult().GetRevision() {
		t.Errorf("message %q, want %q; status %v", message(got), want, got.GetStatus())
	}
	if tags := s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetTags(); len(tags) != 1 {
		t.Errorf("tags %v", tags)
	}
	if _, err := s.scan("app"); status.Code(err) != codes.Unavailable || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED {
		t.Errorf("a scan on request: %v", err)
	}
	again := startRegistry(t, localregistry.Config{Dir: dir, Listen: r.Host()})
	again.push("app", "1.1.0")
	s.settled("app", found(2))
}

func TestRepositoryThatDoesNotExist(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	s := start(t)
	s.apply(repository("app", r.Host()+"/nothing"))
	got := s.settled("app", failedFor("ReadOperationFailed"))
	if want := "scan failed: repository " + r.Host() + "/nothing does not exist or is private; check spec.image, and if it is private, " +
		"name a secret with its credentials in spec.secretRef"; message(got) != want {
		t.Errorf("message %q, want %q", message(got), want)
	}
	_, err := s.tags.ListTags(t.Context(), &scannerv1.ListTagsRequest{Name: "app"})
	if status.Code(err) != codes.FailedPrecondition || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY {
		t.Errorf("list tags: %v", err)
	}
	if _, err := s.scan("app"); status.Code(err) != codes.NotFound {
		t.Errorf("scan: %v", err)
	}
	if _, err := s.scan("other"); status.Code(err) != codes.NotFound || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND {
		t.Errorf("scan of no object: %v", err)
	}
	r.push("nothing", "1.0.0")
	s.mustScan("app")
	s.settled("app", found(1))
}

func TestImageThatIsNoneStalls(t *testing.T) {
	s := start(t)
	for image, want := range map[string]string{
		"https://ghcr.io/a/b": "image 'https://ghcr.io/a/b' should not include URL scheme; remove 'https://'",
		"ghcr.io/a/b:1.0":     "image 'ghcr.io/a/b:1.0' should not include a tag; remove ':1.0'",
	} {
		s.apply(repository("app", image))
		got := s.settled("app", failedFor("ImageURLInvalid"))
		stalled := conditions.Get(got.GetStatus().GetConditions(), conditions.TypeStalled)
		if message(got) != want || stalled.GetMessage() != want || stalled.GetReason() != "ImageURLInvalid" {
			t.Errorf("%s: %v", image, got.GetStatus())
		}
	}
	if _, err := s.scan("app"); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("scan: %v", err)
	}
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s.apply(repository("app", r.Host()+"/app"))
	if got := s.settled("app", isReady); conditions.Get(got.GetStatus().GetConditions(), conditions.TypeStalled) != nil {
		t.Errorf("still stalled: %v", got.GetStatus())
	}
}

func TestExclusionThatDoesNotCompileIsRefused(t *testing.T) {
	s := start(t)
	bad := repository("app", "ghcr.io/a/b")
	bad.Spec.ExclusionList = &scannerv1.ExclusionList{Patterns: []string{"ok", "fine", "("}}
	_, err := s.repositories.ApplyImageRepository(t.Context(), &scannerv1.ApplyImageRepositoryRequest{ImageRepository: bad})
	violations := rpcerr.FieldViolations(err)
	if status.Code(err) != codes.InvalidArgument || len(violations) != 1 ||
		violations[0].Path != "imageRepository.spec.exclusionList.patterns[2]" || !strings.Contains(violations[0].Sentence, "missing closing )") {
		t.Errorf("%v: %+v", err, violations)
	}
}

func TestCredentialsAreReadAtEachScan(t *testing.T) {
	r := startRegistry(t, localregistry.Config{Username: "ci", Password: "first"})
	r.push("app", "1.0.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	got := s.settled("app", failedFor("AuthenticationFailed"))
	if !strings.Contains(message(got), "wants credentials") || !strings.Contains(message(got), "spec.secretRef") {
		t.Errorf("anonymous: %q", message(got))
	}
	withSecret := repository("app", r.Host()+"/app", func(r *scannerv1.ImageRepository) {
		r.Spec.SecretRef = &metav1.LocalObjectReference{Name: "regcred"}
	})
	s.apply(withSecret)
	got = s.settled("app", func(r *scannerv1.ImageRepository) bool {
		return strings.HasPrefix(message(r), "secret 'flux-system/regcred' not found: it is looked for as the folder flux-system/regcred below --secrets-dir")
	})
	if !failedFor("AuthenticationFailed")(got) {
		t.Errorf("without the secret: %v", got.GetStatus())
	}
	s.setCredentials("regcred", r.Host(), "ci", "wrong")
	if _, err := s.scan("app"); status.Code(err) != codes.Unauthenticated || strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong password: %v", err)
	}
	s.setCredentials("regcred", r.Host(), "ci", "first")
	s.mustScan("app")
	s.settled("app", found(1))
	// Rotated.
	s.setCredentials("regcred", r.Host(), "ci", "second")
	if _, err := s.scan("app"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("rotated here alone: %v", err)
	}
	if got := s.get("app"); got.GetStatus().GetLastScanResult().GetTagCount() != 1 || !failedFor("AuthenticationFailed")(got) {
		t.Errorf("the old tags are gone: %v", got.GetStatus())
	}
	s.setCredentials("regcred", r.Host(), "ci", "first")
	s.mustScan("app")
	tag, err := s.tags.GetTag(t.Context(), &scannerv1.GetTagRequest{Name: "app", Tag: "1.0.0"})
	if err != nil || !strings.HasPrefix(tag.GetTag().GetDigest(), "sha256:") || !tag.GetTag().GetInitial() {
		t.Errorf("get tag: %v, %v", tag, err)
	}
}

func TestAnotherImageTakesOverWithItsFirstCompleteScan(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("old", "1.0.0", "1.1.0")
	r.push("new", "1.1.0", "2.0.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/old"))
	s.settled("app", found(2))
	r.push("old", "1.2.0")
	s.mustScan("app")
	before := s.list(&scannerv1.ListTagsRequest{Name: "app"})
	arrived, release := r.hold()
	s.apply(repository("app", r.Host()+"/new"))
	<-arrived.arrived
	during := s.list(&scannerv1.ListTagsRequest{Name: "app"})
	if during.GetHead().GetImage() != r.Host()+"/old" || len(during.GetTags()) != 3 || during.GetHead().GetGeneration() != 2 {
		t.Errorf("during the scan: %v", during)
	}
	release()
	s.settled("app", found(2))
	after := s.list(&scannerv1.ListTagsRequest{Name: "app"})
	if after.GetHead().GetImage() != r.Host()+"/new" {
		t.Errorf("after the scan: %v", after.GetHead())
	}
	for _, tag := range after.GetTags() {
		if !tag.GetInitial() || !tag.GetFirstSeenTime().AsTime().After(before.GetTags()[0].GetFirstSeenTime().AsTime()) {
			t.Errorf("%v is not of a new set", tag)
		}
	}
	got, err := s.stream(&scannerv1.StreamTagsRequest{
		Repository: ref("app"), HaveUid: before.GetHead().GetUid(), HaveRevision: before.GetHead().GetRevision(),
	})
	if err != nil || !got.whole || len(got.added) != 2 {
		t.Errorf("streamed %+v, %v", got, err)
	}
	if keys := s.chunkKeys(); len(keys) != 1 {
		t.Errorf("chunks of the old image are left: %q", keys)
	}
}

func TestSilentRegistryIsGivenUpAfterTheTimeout(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	s := start(t)
	s.apply(repository("app", silent.Addr().String()+"/app", func(r *scannerv1.ImageRepository) {
		r.Spec.Timeout = durationpb.New(50 * time.Millisecond)
	}))
	got := s.settled("app", failedFor("ReadOperationFailed"))
	if !strings.HasSuffix(message(got), "no answer in time (50ms, see spec.timeout)") {
		t.Errorf("message %q", message(got))
	}
}

func TestSuspendedRepositoryRests(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	suspended := func(r *scannerv1.ImageRepository) { r.Spec.Suspend = true }
	s.apply(repository("app", r.Host()+"/app", suspended, interval(10*time.Millisecond)))
	if _, err := s.scan("app"); status.Code(err) != codes.FailedPrecondition || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SUSPENDED {
		t.Errorf("scan: %v", err)
	}
	if r.listings.Load() != 0 {
		t.Error("it was scanned")
	}
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(1))
}

func TestHalfOfTheTagsGoneIsHeldBack(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	var many []string
	for c := 'a'; c < 'a'+22; c++ {
		many = append(many, string(c))
	}
	r.push("app", many...)
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(22))
	if err := r.Delete(t.Context(), "app", many[:11]...); err != nil {
		t.Fatal(err)
	}
	s.mustScan("app") // half is not more than half
	r.push("app", many[:11]...)
	s.mustScan("app")
	if err := r.Delete(t.Context(), "app", many[:12]...); err != nil {
		t.Fatal(err)
	}
	if _, err := s.scan("app"); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("scan: %v", err)
	}
	got := s.settled("app", failedFor("TagSetShrank"))
	if want := "scan held back: of 22 tags the registry no longer lists 12"; !strings.HasPrefix(message(got), want) {
		t.Errorf("message %q", message(got))
	}
	if tags := s.list(&scannerv1.ListTagsRequest{Name: "app"}); len(tags.GetTags()) != 22 {
		t.Errorf("tags %v", tags)
	}
	if held := got.GetStatus().GetHeldScan(); held.GetTagCount() != 10 || held.GetCount() != 1 || held.GetRevision() != checksum(many[12:]...) {
		t.Errorf("held %v", held)
	}
	r.push("app", many[0])
	s.mustScan("app")
	if got := s.settled("app", found(11)); got.GetStatus().GetHeldScan() != nil {
		t.Errorf("still held: %v", got.GetStatus())
	}
}

func TestLossThatIsMeantIsAcceptedByRequest(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	var many []string
	for c := 'a'; c < 'a'+22; c++ {
		many = append(many, string(c))
	}
	r.push("app", many...)
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(22))
	if err := r.Delete(t.Context(), "app", many[1:]...); err != nil {
		t.Fatal(err)
	}
	_, err := s.scan("app")
	if want := "tidemark reconcile image repository app -n flux-system --accept-shrink"; !strings.Contains(status.Convert(err).Message(), want) {
		t.Errorf("the refusal %v does not say %q", err, want)
	}
	resp, err := s.repositories.ScanImageRepository(t.Context(), &scannerv1.ScanImageRepositoryRequest{Name: "app", AcceptShrink: true})
	if err != nil || !found(1)(resp.GetImageRepository()) || resp.GetImageRepository().GetStatus().GetHeldScan() != nil {
		t.Errorf("accepted: %v, %v", resp, err)
	}
}
