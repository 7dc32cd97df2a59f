// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"cmp"
	"context"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// shelf holds the objects of one kind, as a service would. Reconciling is what a test says it is.
type shelf[T kinds.Object] struct {
	mu      sync.Mutex
	objects map[string]T
	// reconcile sets the status of an object that was applied; nil leaves it without one.
	reconcile func(T)
	// refuse is the answer to Apply, where it is not nil.
	refuse func(T) error
	// changes are sent by watches after the snapshot.
	changes chan any
}

func newShelf[T kinds.Object](objects []T) *shelf[T] {
	s := &shelf[T]{objects: map[string]T{}, changes: make(chan any, 16)}
	for _, o := range objects {
		s.objects[key(o.GetMetadata().GetNamespace(), o.GetMetadata().GetName())] = o
	}
	return s
}

func key(namespace, name string) string { return cmp.Or(namespace, "flux-system") + "/" + name }

func (s *shelf[T]) apply(o T, r objectapi.ApplyRequest) (T, metav1.ApplyOutcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		if err := s.refuse(o); err != nil {
			return o, 0, err
		}
	}
	at := key(o.GetMetadata().GetNamespace(), o.GetMetadata().GetName())
	outcome := metav1.ApplyOutcome_APPLY_OUTCOME_CREATED
	if old, ok := s.objects[at]; ok {
		outcome = metav1.ApplyOutcome_APPLY_OUTCOME_CONFIGURED
		if proto.Equal(spec(old), spec(o)) && maps.Equal(old.GetMetadata().GetLabels(), o.GetMetadata().GetLabels()) {
			return old, metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED, nil
		}
	}
	if r.GetValidateOnly() {
		return o, outcome, nil
	}
	o.GetMetadata().Generation++
	o.GetMetadata().ManagedBy = r.GetManager()
	stored, ok := proto.Clone(o).(T)
	if !ok {
		panic("a clone is of another type")
	}
	if s.reconcile != nil {
		s.reconcile(stored)
	}
	s.objects[at] = stored
	return o, outcome, nil
}

func spec(o kinds.Object) proto.Message {
	m := o.ProtoReflect()
	return m.Get(m.Descriptor().Fields().ByName("spec")).Message().Interface()
}

func (s *shelf[T]) get(namespace, name string) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key(namespace, name)]
	if !ok {
		return o, rpcerr.New(codes.NotFound, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND, "%s is not there", key(namespace, name))
	}
	return o, nil
}

// list answers with pages of one object, so that every test with two of them turns a page.
func (s *shelf[T]) list(namespace, selector, token string) ([]T, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []T
	for _, at := range slices.Sorted(maps.Keys(s.objects)) {
		if s.matches(at, namespace, selector) {
			all = append(all, s.objects[at])
		}
	}
	start, _ := strconv.Atoi(token)
	if start >= len(all) {
		return nil, ""
	}
	next := ""
	if start+1 < len(all) {
		next = strconv.Itoa(start + 1)
	}
	return all[start : start+1], next
}

func (s *shelf[T]) matches(at, namespace, selector string) bool {
	o := s.objects[at]
	if namespace != "" && o.GetMetadata().GetNamespace() != namespace {
		return false
	}
	label, value, _ := strings.Cut(selector, "=")
	return selector == "" || o.GetMetadata().GetLabels()[label] == value
}

// watch sends a snapshot and a checkpoint, unless a token is given, then the changes.
func (s *shelf[T]) watch(ctx context.Context, token string, send func(changed *T, deleted *metav1.ObjectDeleted, token string) error) error {
	if token == "" {
		s.mu.Lock()
		for _, at := range slices.Sorted(maps.Keys(s.objects)) {
			o := s.objects[at]
			if err := send(&o, nil, ""); err != nil {
				return err
			}
		}
		s.mu.Unlock()
		if err := send(nil, nil, "1"); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case change := <-s.changes:
			switch change := change.(type) {
			case error:
				return change
			case *metav1.ObjectDeleted:
				if err := send(nil, change, "2"); err != nil {
					return err
				}
			case T:
				if err := send(&change, nil, "2"); err != nil {
					return err
				}
			}
		}
	}
}

// services are small stand-ins for the three services, spoken to over real gRPC.
type services struct {
	scannerv1.UnimplementedImageRepositoryServiceServer
	scannerv1.UnimplementedRegistryHostServiceServer
	scannerv1.UnimplementedReceiverServiceServer
	resolverv1.UnimplementedImagePolicyServiceServer
	updaterv1.UnimplementedGitRepositoryServiceServer
	updaterv1.UnimplementedImageUpdateAutomationServiceServer

	repositories *shelf[*scannerv1.ImageRepository]
	receivers    *shelf[*scannerv1.Receiver]
	hosts        []*scannerv1.RegistryHost
	tags         *tagged
	policies     *shelf[*resolverv1.ImagePolicy]
	sources      *shelf[*updaterv1.GitRepository]
	automations  *shelf[*updaterv1.ImageUpdateAutomation]

	scan     func(*scannerv1.ScanImageRepositoryRequest) (*scannerv1.ScanImageRepositoryResponse, error)
	evaluate func(*resolverv1.ReconcileImagePolicyRequest) (*resolverv1.ReconcileImagePolicyResponse, error)
	hold     func(*resolverv1.HoldImagePolicyRequest) (*resolverv1.HoldImagePolicyResponse, error)
	release  func(*resolverv1.ReleaseImagePolicyRequest) (*resolverv1.ReleaseImagePolicyResponse, error)
	resumed  func(*updaterv1.ResumeImageUpdateAutomationRequest)
	listRuns func(*updaterv1.ListRunsRequest) (*updaterv1.ListRunsResponse, error)
	preview  func(*updaterv1.PreviewImageUpdateAutomationRequest) (*updaterv1.PreviewImageUpdateAutomationResponse, error)
	run      func(grpc.ServerStreamingServer[updaterv1.RunImageUpdateAutomationResponse]) error
}

func newServices() *services {
	return &services{
		repositories: newShelf[*scannerv1.ImageRepository](nil),
		receivers:    newShelf[*scannerv1.Receiver](nil),
		policies:     newShelf[*resolverv1.ImagePolicy](nil),
		sources:      newShelf[*updaterv1.GitRepository](nil),
		automations:  newShelf[*updaterv1.ImageUpdateAutomation](nil),
	}
}

// serve serves the services on loopback and returns the address.
func (s *services) serve(t *testing.T) string {
	t.Helper()
	server := grpc.NewServer()
	scannerv1.RegisterImageRepositoryServiceServer(server, s)
	scannerv1.RegisterRegistryHostServiceServer(server, s)
	scannerv1.RegisterReceiverServiceServer(server, s)
	if s.tags != nil {
		scannerv1.RegisterTagServiceServer(server, s.tags)
	}
	resolverv1.RegisterImagePolicyServiceServer(server, s)
	updaterv1.RegisterGitRepositoryServiceServer(server, s)
	updaterv1.RegisterImageUpdateAutomationServiceServer(server, s)
	return serve(t, server)
}

func serve(t *testing.T, server *grpc.Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); err != nil {
			t.Errorf("serve: %v", err)
		}
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return listener.Addr().String()
}
