// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/namespace"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/scanner"
)

// patience bounds how long a test waits for what must come.
const patience = 20 * time.Second

// service is a scanner over a store of its own, called through the real server.
type service struct {
	t            *testing.T
	store        *store.Store
	conn         *grpc.ClientConn
	telemetry    *telemetry.Telemetry
	secrets      *secret.Memory
	repositories scannerv1.ImageRepositoryServiceClient
	tags         scannerv1.TagServiceClient
	stop         func()
	// mayFail: its end may be an error's.
	mayFail bool
}

func start(t *testing.T) *service {
	t.Helper()
	return startOn(t, storetest.Open(t), &secret.Memory{})
}

// startOn runs a scanner until stop is called, or the test ends.
func startOn(t *testing.T, st *store.Store, secrets *secret.Memory, change ...func(*scanner.Config)) *service {
	t.Helper()
	tel := grpctest.Telemetry(t, nil)
	labels := &namespace.Labels{}
	labels.Replace(map[string]map[string]string{"trusted": {"team": "apps"}})
	config := scanner.Config{Store: st, Telemetry: tel, Secrets: secrets, NamespaceLabels: labels.Of, Concurrency: 4}
	for _, f := range change {
		f(&config)
	}
	svc, err := scanner.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- svc.Run(ctx) }()
	stopped := false
	s := &service{t: t, store: st, telemetry: tel, secrets: secrets}
	s.conn = grpctest.Serve(t, svc.Register, grpctest.WithTelemetry(tel))
	s.repositories = scannerv1.NewImageRepositoryServiceClient(s.conn)
	s.tags = scannerv1.NewTagServiceClient(s.conn)
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) && !s.mayFail {
			t.Errorf("the service ended with %v", err)
		}
	}
	t.Cleanup(s.stop)
	return s
}

// registry is a real one that counts listings.
type registry struct {
	*localregistry.Registry
	t        *testing.T
	listings atomic.Int64
	// gate, while it is set, holds listings up; each that arrives is told.
	gate atomic.Pointer[gate]
	// refuses, while it is set, is what listings are answered with.
	refuses atomic.Int64
}

type gate struct {
	arrived chan struct{}
	open    chan struct{}
}

func startRegistry(t *testing.T, config localregistry.Config) *registry {
	t.Helper()
	r := &registry{t: t}
	config.Wrap = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasSuffix(req.URL.Path, "/tags/list") {
				r.listings.Add(1)
				if g := r.gate.Load(); g != nil {
					g.arrived <- struct{}{}
					<-g.open
				}
				if status := r.refuses.Load(); status != 0 {
					w.WriteHeader(int(status))
					return
				}
			}
			next.ServeHTTP(w, req)
		})
	}
	var err error
	if r.Registry, err = localregistry.Start(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *registry) push(repository string, tags ...string) {
	r.t.Helper()
	if err := r.Push(r.t.Context(), repository, tags...); err != nil {
		r.t.Fatal(err)
	}
}

// hold makes listings wait until the returned function is called.
func (r *registry) hold() (*gate, func()) {
	g := &gate{arrived: make(chan struct{}, 100), open: make(chan struct{})}
	r.gate.Store(g)
	return g, func() {
		r.gate.Store(nil)
		close(g.open)
	}
}

func repository(name, image string, change ...func(*scannerv1.ImageRepository)) *scannerv1.ImageRepository {
	r := &scannerv1.ImageRepository{
		Metadata: &metav1.ObjectMeta{Name: name},
		Spec:     &scannerv1.ImageRepositorySpec{Image: image, Interval: durationpb.New(time.Hour), Timeout: durationpb.New(5 * time.Second)},
	}
	for _, f := range change {
		f(r)
	}
	return r
}

func interval(d time.Duration) func(*scannerv1.ImageRepository) {
	return func(r *scannerv1.ImageRepository) { r.Spec.Interval = durationpb.New(d) }
}

func (s *service) apply(r *scannerv1.ImageRepository) *scannerv1.ImageRepository {
	s.t.Helper()
	resp, err := s.repositories.ApplyImageRepository(s.t.Context(), &scannerv1.ApplyImageRepositoryRequest{ImageRepository: r})
	if err != nil {
		s.t.Fatalf("apply: %v", err)
	}
	return resp.GetImageRepository()
}

func (s *service) get(name string) *scannerv1.ImageRepository {
	s.t.Helper()
	resp, err := s.repositories.GetImageRepository(s.t.Context(), &scannerv1.GetImageRepositoryRequest{Name: name})
	if err != nil {
		s.t.Fatalf("get: %v", err)
	}
	return resp.GetImageRepository()
}

func (s *service) delete(name string) {
	s.t.Helper()
	_, err := s.repositories.DeleteImageRepository(s.t.Context(), &scannerv1.DeleteImageRepositoryRequest{Name: name})
	if err != nil {
		s.t.Fatalf("delete: %v", err)
	}
}

func (s *service) scan(name string) (*scannerv1.ScanImageRepositoryResponse, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	return s.repositories.ScanImageRepository(ctx, &scannerv1.ScanImageRepositoryRequest{Name: name})
}

func (s *service) mustScan(name string) *scannerv1.ScanImageRepositoryResponse {
	s.t.Helper()
	resp, err := s.scan(name)
	if err != nil {
		s.t.Fatalf("scan: %v", err)
	}
	return resp
}

// settled waits until the status is that of the current spec, and fits.
func (s *service) settled(name string, fits func(*scannerv1.ImageRepository) bool) *scannerv1.ImageRepository {
	s.t.Helper()
	var got *scannerv1.ImageRepository
	s.eventually("the status of "+name, func() bool {
		got = s.get(name)
		return got.GetStatus().GetObservedGeneration() == got.GetMetadata().GetGeneration() && fits(got)
	}, func() any { return got })
	return got
}

func (s *service) eventually(what string, holds func() bool, got func() any) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: waited in vain; now: %v", what, got())
		}
		select {
		case <-s.t.Context().Done():
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func isReady(r *scannerv1.ImageRepository) bool {
	return conditions.IsTrue(r.GetStatus().GetConditions(), conditions.TypeReady)
}

// failedFor says whether Ready is false for the reason.
func failedFor(reason string) func(*scannerv1.ImageRepository) bool {
	return func(r *scannerv1.ImageRepository) bool {
		ready := conditions.Ready(r.GetStatus())
		return ready.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_FALSE && ready.GetReason() == reason
	}
}

func found(count int32) func(*scannerv1.ImageRepository) bool {
	return func(r *scannerv1.ImageRepository) bool {
		return isReady(r) && r.GetStatus().GetLastScanResult().GetTagCount() == count
	}
}

func message(r *scannerv1.ImageRepository) string {
	return conditions.Ready(r.GetStatus()).GetMessage()
}

// checksum is Flux's: the sorted tags, a newline after each.
func checksum(tags ...string) string {
	slices.Sort(tags)
	sum := sha256.Sum256([]byte(strings.Join(tags, "\n") + "\n"))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (s *service) list(req *scannerv1.ListTagsRequest) *scannerv1.ListTagsResponse {
	s.t.Helper()
	resp, err := s.tags.ListTags(s.t.Context(), req)
	if err != nil {
		s.t.Fatalf("list tags: %v", err)
	}
	return resp
}

func names(tags []*scannerv1.Tag) []string {
	var all []string
	for _, tag := range tags {
		all = append(all, tag.GetName())
	}
	return all
}

// streamed is what a stream of tags has told.
type streamed struct {
	whole    bool
	added    []*scannerv1.Tag
	removed  []string
	head     *scannerv1.TagSetHead
	messages int
}

func (s *service) stream(req *scannerv1.StreamTagsRequest) (streamed, error) {
	s.t.Helper()
	var got streamed
	stream, err := s.tags.StreamTags(s.t.Context(), req)
	if err != nil {
		return got, err
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			if got.head == nil {
				s.t.Error("the stream ended without a head")
			}
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if got.head != nil || got.messages > 0 && part.GetWhole() != got.whole {
			s.t.Error("something came after the last message, or `whole` changed")
		}
		got.whole, got.head = part.GetWhole(), part.GetComplete()
		got.added, got.removed = append(got.added, part.GetAdded()...), append(got.removed, part.GetRemoved()...)
		got.messages++
	}
}

func ref(name string) *metav1.NamespacedObjectReference {
	return &metav1.NamespacedObjectReference{Name: name}
}

func (s *service) setCredentials(name, host, username, password string) {
	s.t.Helper()
	config, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{"username": username, "password": password}}})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.secrets.Set("flux-system", name, secret.Secret{".dockerconfigjson": config}); err != nil {
		s.t.Fatal(err)
	}
}
