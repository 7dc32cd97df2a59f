// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package benchmarks

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/server"
	"github.com/tidemark-io/tidemark/resolver/internal/api"
	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

const (
	callers      = 16
	callsOfRound = 20_000
)

// scanner has one repository whose tags never change.
type scanner struct {
	scannerv1.UnimplementedTagServiceServer
	tags []policy.Tag
}

func (s *scanner) head() *scannerv1.TagSetHead {
	return &scannerv1.TagSetHead{
		Repository: &metav1.NamespacedObjectReference{Namespace: "flux-system", Name: "app"},
		Uid:        "one", Image: "registry.test/app", Revision: 1, Generation: 1,
	}
}

func (s *scanner) WatchTags(_ *scannerv1.WatchTagsRequest, stream grpc.ServerStreamingServer[scannerv1.WatchTagsResponse]) error {
	for _, event := range []*scannerv1.WatchTagsResponse{
		{Event: &scannerv1.WatchTagsResponse_Changed{Changed: s.head()}},
		{ResumeToken: "1", Event: &scannerv1.WatchTagsResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}},
	} {
		if err := stream.Send(event); err != nil {
			return err
		}
	}
	<-stream.Context().Done()
	return nil
}

func (s *scanner) StreamTags(_ *scannerv1.StreamTagsRequest, stream grpc.ServerStreamingServer[scannerv1.StreamTagsResponse]) error {
	for part := range slices.Chunk(s.tags, 10_000) {
		message := &scannerv1.StreamTagsResponse{Whole: true}
		for _, tag := range part {
			message.Added = append(message.Added, &scannerv1.Tag{Name: tag.Name, Initial: true})
		}
		if err := stream.Send(message); err != nil {
			return err
		}
	}
	return stream.Send(&scannerv1.StreamTagsResponse{Whole: true, Complete: s.head()})
}

// echo answers Resolve with what it was given to answer: what gRPC itself costs.
type echo struct {
	resolverv1.UnimplementedResolutionServiceServer
	answer *resolverv1.ResolveResponse
}

func (e *echo) Resolve(context.Context, *resolverv1.ResolveRequest) (*resolverv1.ResolveResponse, error) {
	return e.answer, nil
}

// listen serves on loopback until the benchmark ends, and connects.
func listen(tb testing.TB, srv *grpc.Server) *grpc.ClientConn {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(listener) }()
	tb.Cleanup(func() {
		srv.Stop()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return connect(tb, listener.Addr())
}

func connect(tb testing.TB, address net.Addr) *grpc.ClientConn {
	tb.Helper()
	conn, err := grpc.NewClient(address.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := conn.Close(); err != nil {
			tb.Error(err)
		}
	})
	return conn
}

// resolver is the RPC as it is served, over the tags of a scanner.
func resolver(tb testing.TB, tags []policy.Tag) resolverv1.ResolutionServiceClient {
	tb.Helper()
	upstream := grpc.NewServer()
	scannerv1.RegisterTagServiceServer(upstream, &scanner{tags: tags})
	follower := follow.New(follow.Config{Scanner: listen(tb, upstream)}, nil)
	srv, err := server.New(tb.Context(), server.Config{Telemetry: grpctest.Telemetry(tb, io.Discard), Listen: "127.0.0.1:0"})
	if err != nil {
		tb.Fatal(err)
	}
	resolverv1.RegisterResolutionServiceServer(srv.GRPC(), api.NewResolution(follower, facts.New(follower), nil))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- follower.Run(ctx) }()
	go func() { ended <- srv.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				tb.Error(err)
			}
		}
	})
	return resolverv1.NewResolutionServiceClient(connect(tb, srv.Addr()))
}

// load is calls by many callers at once: how long all took, and each.
type load struct {
	took time.Duration
	each []time.Duration
}

func (l *load) round(tb testing.TB, client resolverv1.ResolutionServiceClient, req *resolverv1.ResolveRequest, calls int) {
	tb.Helper()
	var all sync.WaitGroup
	each := make([][]time.Duration, callers)
	begun := time.Now()
	for i := range callers {
		all.Go(func() {
			for range calls / callers {
				at := time.Now()
				if _, err := client.Resolve(tb.Context(), req); err != nil {
					tb.Error(err)
					return
				}
				each[i] = append(each[i], time.Since(at))
			}
		})
	}
	all.Wait()
	l.took += time.Since(begun)
	l.each = append(l.each, slices.Concat(each...)...)
}

func (l *load) percentile(p float64) time.Duration {
	slices.Sort(l.each)
	return l.each[min(len(l.each)-1, int(p*float64(len(l.each))))]
}

func (l *load) rate() float64 { return float64(len(l.each)) / l.took.Seconds() }

// BenchmarkResolveRPC calls Resolve over gRPC on an index of 100,000 tags that is warm, 16 callers at once over one
// connection, against an RPC of the same messages that answers at once and has no interceptors. The ratio is of their
// rates.
func BenchmarkResolveRPC(b *testing.B) { compareRPC(b, shuffledTags(tagCount(b)), callsOfRound) }

func compareRPC(tb testing.TB, tags []policy.Tag, calls int) {
	tb.Helper()
	req := &resolverv1.ResolveRequest{
		Source: &resolverv1.ResolveRequest_ImageRepositoryRef{ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: "app"}},
		Policy: &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{Semver: &resolverv1.SemVerPolicy{Range: "*"}}},
	}
	ours := resolver(tb, tags)
	answer, err := ours.Resolve(tb.Context(), req) // builds the view
	if err != nil {
		tb.Fatal(err)
	}
	bare := grpc.NewServer()
	resolverv1.RegisterResolutionServiceServer(bare, &echo{answer: answer})
	theirs := resolverv1.NewResolutionServiceClient(listen(tb, bare))
	(&load{}).round(tb, theirs, req, calls/10) // warms the connections
	(&load{}).round(tb, ours, req, calls/10)
	var resolved, echoed load
	for range rounds {
		echoed.round(tb, theirs, req, calls)
		resolved.round(tb, ours, req, calls)
	}
	b, ok := tb.(*testing.B)
	if !ok {
		return
	}
	b.ReportMetric(resolved.rate()/echoed.rate(), "resolve/echo")
	b.ReportMetric(resolved.rate(), "resolve-calls/s")
	b.ReportMetric(echoed.rate(), "echo-calls/s")
	for _, p := range []struct {
		name string
		at   float64
	}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}} {
		b.ReportMetric(resolved.percentile(p.at).Seconds()*1e6, "resolve-"+p.name+"-µs")
		b.ReportMetric(echoed.percentile(p.at).Seconds()*1e6, "echo-"+p.name+"-µs")
	}
	b.ReportMetric(0, "ns/op")
}

// The benchmark stays whole.
func TestResolveRPCAnswers(t *testing.T) { compareRPC(t, shuffledTags(1000), 10*callers) }
