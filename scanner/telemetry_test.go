// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/health"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/scanner"
)

func TestHeadHasTheTraceOfTheRequestThatChangedIt(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(1))
	traced := func() trace.TraceID {
		ctx, span := s.telemetry.Tracer("test").Start(t.Context(), "webhook")
		defer span.End()
		if _, err := s.repositories.ScanImageRepository(ctx, &scannerv1.ScanImageRepositoryRequest{Name: "app"}); err != nil {
			t.Fatal(err)
		}
		return span.SpanContext().TraceID()
	}
	r.push("app", "1.1.0")
	changed, unchanged := traced(), traced()
	parent := s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetHead().GetTrace().GetTraceparent()
	if !strings.Contains(parent, changed.String()) || strings.Contains(parent, unchanged.String()) {
		t.Errorf("the head's trace is %s, the request's that brought the tag %s", parent, changed)
	}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	all []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, p...)
	return len(p), nil
}

// of are the lines with that message: their levels and what they say of the tags.
func (l *lines) of(t *testing.T, message string) []string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for line := range bytes.Lines(l.all) {
		var record struct {
			Level, Msg, Repository string
			Tags                   int
			Changed                bool
			TraceID                string `json:"trace_id"`
		}
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatal(err)
		}
		if record.Msg != message {
			continue
		}
		if record.TraceID == "" || record.Repository != "flux-system/app" {
			t.Errorf("the line lacks its trace or its object: %s", line)
		}
		found = append(found, fmt.Sprintf("%s %d %t", record.Level, record.Tags, record.Changed))
	}
	return found
}

func TestEachScanIsOneLineThatOperatorsSeeWhenTheTagsChanged(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	log := &lines{}
	s := startOn(t, storetest.Open(t), &secret.Memory{}, func(c *scanner.Config) { c.Telemetry = grpctest.Telemetry(t, log) })
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(1))
	s.mustScan("app")
	r.push("app", "1.1.0")
	s.mustScan("app")
	s.stop()
	if got, want := log.of(t, "scanned"), []string{"INFO 1 true", "DEBUG 1 false", "INFO 2 true"}; !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}

func TestMetricsCountScansAndObjects(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(1))
	s.mustScan("app")
	s.apply(repository("bad", "ghcr.io/a:b"))
	s.settled("bad", failedFor("ImageURLInvalid"))
	want := []string{
		`tidemark_scanner_scans_total{outcome="changed"} 1`, `tidemark_scanner_scans_total{outcome="unchanged"} 1`,
		`tidemark_scanner_scans_total{outcome="ImageURLInvalid"} 1`, `tidemark_scanner_scan_duration_seconds_count{outcome="changed"} 1`,
		`tidemark_scanner_repositories{ready="true"} 1`, `tidemark_scanner_repositories{ready="false"} 1`,
	}
	var text string
	s.eventually("the metrics", func() bool {
		w := httptest.NewRecorder()
		s.telemetry.MetricsHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		body, err := io.ReadAll(w.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(body)
		for _, part := range want {
			if !strings.Contains(text, part) {
				return false
			}
		}
		return true
	}, func() any { return text })
}

func TestHealthKnowsTheService(t *testing.T) {
	tel := grpctest.Telemetry(t, nil)
	reporter := health.NewReporter(tel.Logger())
	svc, err := scanner.New(scanner.Config{Store: storetest.Open(t), Telemetry: tel, Secrets: &secret.Memory{}, Health: reporter})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = svc.Run(ctx) }()
	defer func() { cancel(); <-done }()
	deadline := time.Now().Add(patience)
	for {
		ready, failing := reporter.Ready()
		if ready && len(failing) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("ready %t, failing %q", ready, failing)
		}
		<-time.After(time.Millisecond)
	}
}

func TestConfigWithoutAStoreIsRefused(t *testing.T) {
	if _, err := scanner.New(scanner.Config{}); err == nil {
		t.Error("made a scanner of nothing")
	}
}
