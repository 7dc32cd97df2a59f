// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

// policies answers Get and Apply as its field says.
type policies struct {
	resolverv1.UnimplementedImagePolicyServiceServer
	answer func(ctx context.Context) error
}

func (p policies) GetImagePolicy(ctx context.Context, _ *resolverv1.GetImagePolicyRequest) (*resolverv1.GetImagePolicyResponse, error) {
	return &resolverv1.GetImagePolicyResponse{}, p.answer(ctx)
}

func (p policies) ApplyImagePolicy(ctx context.Context, _ *resolverv1.ApplyImagePolicyRequest) (*resolverv1.ApplyImagePolicyResponse, error) {
	return &resolverv1.ApplyImagePolicyResponse{}, p.answer(ctx)
}

// tags sends one message on each stream and then does what its fields say.
type tags struct {
	scannerv1.UnimplementedTagServiceServer
	watch, stream func(ctx context.Context) error
}

func (s tags) WatchTags(_ *scannerv1.WatchTagsRequest, stream grpc.ServerStreamingServer[scannerv1.WatchTagsResponse]) error {
	if err := stream.Send(&scannerv1.WatchTagsResponse{}); err != nil {
		return err
	}
	return s.watch(stream.Context())
}

func (s tags) StreamTags(_ *scannerv1.StreamTagsRequest, stream grpc.ServerStreamingServer[scannerv1.StreamTagsResponse]) error {
	if err := stream.Send(&scannerv1.StreamTagsResponse{}); err != nil {
		return err
	}
	return s.stream(stream.Context())
}

func registerPolicies(answer func(ctx context.Context) error) func(grpc.ServiceRegistrar) {
	return func(r grpc.ServiceRegistrar) {
		resolverv1.RegisterImagePolicyServiceServer(r, policies{answer: answer})
	}
}

func registerTags(s tags) func(grpc.ServiceRegistrar) {
	return func(r grpc.ServiceRegistrar) { scannerv1.RegisterTagServiceServer(r, s) }
}

func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func get(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := resolverv1.NewImagePolicyServiceClient(conn).GetImagePolicy(ctx, &resolverv1.GetImagePolicyRequest{Name: "a"})
	return err
}

// soon is a context that ends well before the test binary's own timeout.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// lines collects a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
