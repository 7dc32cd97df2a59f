// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"encoding/hex"
	"net"
	"slices"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

// Span is what a test looks at of one that was exported.
type Span struct {
	Trace, ID, Parent, Name, Service string
	// Links are the ids of the spans that this one is linked to.
	Links []string
}

// LinksTo says whether a span is linked to another.
func (s Span) LinksTo(other Span) bool { return slices.Contains(s.Links, other.ID) }

// Spans is an OTLP receiver.
type Spans struct {
	collector.UnimplementedTraceServiceServer

	// Address is host:port.
	Address string

	mu  sync.Mutex
	all []Span
}

// NewSpans starts a receiver at an address; it ends with the test.
func NewSpans(t *testing.T, address string) *Spans {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &Spans{Address: listener.Addr().String()}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, s)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Errorf("the OTLP receiver: %v", err)
		}
	})
	return s
}

// Env makes programs export to the receiver, often.
func (s *Spans) Env() []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + s.Address, "OTEL_BSP_SCHEDULE_DELAY=100"}
}

// Export takes spans.
func (s *Spans) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		service := ""
		for _, attribute := range resource.GetResource().GetAttributes() {
			if attribute.GetKey() == "service.name" {
				service = attribute.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				links := make([]string, 0, len(span.GetLinks()))
				for _, link := range span.GetLinks() {
					links = append(links, hex.EncodeToString(link.GetSpanId()))
				}
				s.all = append(s.all, Span{
					Trace: hex.EncodeToString(span.GetTraceId()), ID: hex.EncodeToString(span.GetSpanId()),
					Parent: hex.EncodeToString(span.GetParentSpanId()), Name: span.GetName(), Service: service, Links: links,
				})
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// All are the spans so far.
func (s *Spans) All() []Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Span(nil), s.all...)
}
