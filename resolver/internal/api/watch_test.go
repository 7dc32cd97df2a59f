// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/dial"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/server"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/resolver/internal/api"
)

// ringSize is how many changes this store remembers for watchers: few, so that a slow one is soon too far behind.
const ringSize = 64

func serve(t *testing.T) resolverv1.ImagePolicyServiceClient {
	t.Helper()
	tel := grpctest.Telemetry(t, t.Output())
	policies := object.NewStore(storetest.Open(t).Scoped("resolver"), object.Kind[*resolverv1.ImagePolicy]{
		Plural: "imagepolicies", Noun: "ImagePolicy", New: func() *resolverv1.ImagePolicy { return &resolverv1.ImagePolicy{} },
	}, object.WithRingSize(ringSize))
	srv, err := server.New(t.Context(), server.Config{Telemetry: tel, Drain: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	resolverv1.RegisterImagePolicyServiceServer(srv.GRPC(), api.NewImagePolicies(policies, nil, nil))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() {
		err := policies.Run(ctx)
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		ended <- err
	}()
	go func() { ended <- srv.Run(ctx) }()
	conn, err := dial.Dial(ctx, "resolver", dial.Options{Dialer: srv.Dialer(), Telemetry: tel})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, <-ended, conn.Close()); err != nil {
			t.Error(err)
		}
	})
	return resolverv1.NewImagePolicyServiceClient(conn)
}

func TestASlowWatcherIsCutOffAndResumesWithoutLoss(t *testing.T) {
	const policies, rounds = 8, 60
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	client := serve(t)
	watch := func(token string) grpc.ServerStreamingClient[resolverv1.WatchImagePoliciesResponse] {
		stream, err := client.WatchImagePolicies(ctx, &resolverv1.WatchImagePoliciesRequest{ResumeToken: token})
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	slow := watch("")
	first, err := slow.Recv()
	if err != nil {
		t.Fatal(err)
	}
	// Nobody reads: what is sent fills the stream's window, and then the resolver cannot wait for this watcher.
	label := strings.Repeat("x", 900)
	for round := range rounds {
		for i := range policies {
			_, err := client.ApplyImagePolicy(ctx, &resolverv1.ApplyImagePolicyRequest{ImagePolicy: &resolverv1.ImagePolicy{
				Metadata: &metav1.ObjectMeta{Name: fmt.Sprintf("p%d", i)},
				Spec: &resolverv1.ImagePolicySpec{
					ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: "app"},
					FilterTags:         &resolverv1.TagFilter{Pattern: fmt.Sprintf("%d-%s", round, label)},
				},
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	known, token := map[string]int64{}, first.GetResumeToken()
	pending := map[string]int64{}
	follow := func(stream grpc.ServerStreamingClient[resolverv1.WatchImagePoliciesResponse]) error {
		clear(pending) // what came after the token comes again
		for {
			event, err := stream.Recv()
			if err != nil {
				return err
			}
			if p := event.GetChanged(); p != nil {
				name, generation := p.GetMetadata().GetName(), p.GetMetadata().GetGeneration()
				if generation <= max(known[name], pending[name]) {
					t.Fatalf("%s is told of twice, at generation %d", name, generation)
				}
				pending[name] = generation
			}
			if event.GetResumeToken() == "" {
				continue
			}
			token = event.GetResumeToken()
			done := true
			for name, generation := range pending {
				known[name] = generation
			}
			clear(pending)
			for i := range policies {
				done = done && known[fmt.Sprintf("p%d", i)] == rounds
			}
			if done {
				return nil
			}
		}
	}
	if err := follow(slow); status.Code(err) != codes.ResourceExhausted || !errors.Is(err, rpcerr.ErrSlowConsumer) {
		t.Fatalf("the slow watcher ended with %v", err)
	}
	for err = rpcerr.ErrSlowConsumer; errors.Is(err, rpcerr.ErrSlowConsumer); {
		err = follow(watch(token))
	}
	if err != nil {
		t.Errorf("resumed: %v", err)
	}
}
