// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"context"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

// steps is an OTLP receiver that keeps how long spans took, and when they began and ended after a round's beginning.
type steps struct {
	collector.UnimplementedTraceServiceServer

	address string

	mu    sync.Mutex
	spans []span
}

// span is a step of a service.
type span struct {
	name       string
	began, end time.Time
}

// startSteps starts a receiver, if the environment asks for one; nil: it does not.
func startSteps(tb testing.TB) *steps {
	tb.Helper()
	if os.Getenv(stepsVariable) == "" {
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &steps{address: listener.Addr().String()}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, s)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	tb.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return s
}

// env makes programs export to the receiver, while nothing is measured.
func (s *steps) env() []string {
	if s == nil {
		return nil
	}
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + s.address, "OTEL_BSP_SCHEDULE_DELAY=500"}
}

// Export takes spans.
func (s *steps) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, each := range scope.GetSpans() {
				s.spans = append(s.spans, span{
					name:  each.GetName(),
					began: time.Unix(0, int64(each.GetStartTimeUnixNano())), // #nosec G115 -- a time of today
					end:   time.Unix(0, int64(each.GetEndTimeUnixNano())),   // #nosec G115 -- a time of today
				})
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// interval is a round, from its beginning to the commit.
type interval struct{ began, end time.Time }

// log tells of each step the medians over the rounds: when it began, and how long it took.
func (s *steps) log(tb testing.TB, what string, rounds []interval) {
	tb.Helper()
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	began, took := map[string]times{}, map[string]times{}
	for _, each := range s.spans {
		for _, round := range rounds {
			if !each.began.Before(round.began) && each.began.Before(round.end) {
				began[each.name] = append(began[each.name], each.began.Sub(round.began))
				took[each.name] = append(took[each.name], each.end.Sub(each.began))
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(began), func(a, b string) int { return int(1000 * (began[a].median() - began[b].median())) })
	for _, name := range names {
		tb.Logf("%s: %-60s begins at %6.1f ms, takes %6.1f ms, %.1f a round", what, name,
			began[name].median(), took[name].median(), float64(len(began[name]))/float64(len(rounds)))
	}
}
