// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/server"
)

func stopper(stop *func()) grpctest.Option {
	return grpctest.OnStart(func(_ *server.Server, s func()) { *stop = s })
}

func TestShutdownEndsStreamsAndSaysWhy(t *testing.T) {
	for name, watch := range map[string]func(ctx context.Context) error{
		"a handler that returns its context's error": untilDone,
		"a handler that returns nothing":             func(ctx context.Context) error { <-ctx.Done(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			var stop func()
			conn := grpctest.Serve(t, registerTags(tags{watch: watch}), stopper(&stop), grpctest.WithDrain(time.Minute))
			stream, err := scannerv1.NewTagServiceClient(conn).WatchTags(soon(t), &scannerv1.WatchTagsRequest{})
			if err != nil {
				t.Fatal(err)
			}
			health, err := healthpb.NewHealthClient(conn).Watch(soon(t), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			reflection, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(soon(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := reflection.Send(&reflectionpb.ServerReflectionRequest{
				MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
			}); err != nil {
				t.Fatal(err)
			}
			for _, recv := range []func() error{
				func() error { _, err := reflection.Recv(); return err },
				func() error { _, err := stream.Recv(); return err }, func() error { _, err := health.Recv(); return err },
			} {
				if err := recv(); err != nil {
					t.Fatal(err)
				}
			}
			stop()
			for name, recv := range map[string]func() error{
				"watch":      func() error { _, err := stream.Recv(); return err },
				"health":     func() error { _, err := health.Recv(); return err },
				"reflection": func() error { _, err := reflection.Recv(); return err },
			} {
				err := recv()
				for err == nil {
					err = recv()
				}
				if status.Code(err) != codes.Unavailable || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SHUTTING_DOWN {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func TestShutdownLetsAcceptedWorkFinish(t *testing.T) {
	var stop func()
	entered, finish := make(chan struct{}), make(chan struct{})
	work := func(ctx context.Context) error {
		close(entered)
		<-finish
		return ctx.Err()
	}
	var s *server.Server
	conn := grpctest.Serve(t, registerTags(tags{stream: work}), grpctest.WithDrain(time.Minute),
		grpctest.OnStart(func(started *server.Server, st func()) { s, stop = started, st }))
	stream, err := scannerv1.NewTagServiceClient(conn).StreamTags(soon(t), &scannerv1.StreamTagsRequest{
		Repository: &metav1.NamespacedObjectReference{Name: "a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-entered:
	case <-soon(t).Done():
		_, err := stream.Recv()
		t.Fatalf("the handler was not called: %v", err)
	}
	s.Health().Set("work", true)
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	for ready, _ := s.Health().Ready(); ready; ready, _ = s.Health().Ready() {
		continue
	}
	close(finish)
	for err == nil {
		_, err = stream.Recv()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
	<-stopped
}

func TestShutdownIsBoundedForThoseWhoDoNotListen(t *testing.T) {
	var stop func()
	finish := make(chan struct{})
	defer close(finish)
	conn := grpctest.Serve(t, func(r grpc.ServiceRegistrar) {
		registerPolicies(func(context.Context) error { <-finish; return nil })(r)
	}, stopper(&stop), grpctest.WithDrain(50*time.Millisecond))
	failed := make(chan error, 1)
	started := make(chan struct{})
	go func() { close(started); failed <- get(soon(t), conn) }()
	<-started
	stop()
	if err := <-failed; status.Code(err) != codes.Unavailable {
		t.Errorf("the call was cut off with %v", err)
	}
}
