// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package telemetry_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/telemetry"
)

// receiver is an OTLP collector that keeps what comes as "service/span".
type receiver struct {
	collectorpb.UnimplementedTraceServiceServer
	spans chan string
}

func (r receiver) Export(_ context.Context, req *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	for _, rs := range req.GetResourceSpans() {
		service := ""
		for _, attr := range rs.GetResource().GetAttributes() {
			if attr.GetKey() == "service.name" {
				service = attr.GetValue().GetStringValue()
			}
		}
		for _, ss := range rs.GetScopeSpans() {
			for _, span := range ss.GetSpans() {
				r.spans <- service + "/" + span.GetName()
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

func collect(t *testing.T) (address string, spans <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := receiver{spans: make(chan string, 100)}
	s := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(s, r)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String(), r.spans
}

func setup(t *testing.T, cfg telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	if cfg.LogOutput == nil {
		cfg.LogOutput = &bytes.Buffer{}
	}
	tel, err := telemetry.Setup(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

func shutdown(t *testing.T, tel *telemetry.Telemetry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := tel.Shutdown(ctx); err != nil {
		t.Errorf("shut down: %v", err)
	}
}

func TestSpansGoToTheCollectorThatTheEnvironmentNames(t *testing.T) {
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		t.Run(variable, func(t *testing.T) {
			address, spans := collect(t)
			t.Setenv(variable, "http://"+address)
			tel := setup(t, telemetry.Config{Service: "scanner", Version: "1"})
			_, span := tel.Tracer("test").Start(context.Background(), "scan")
			span.End()
			shutdown(t, tel)
			select {
			case got := <-spans:
				if got != "scanner/scan" {
					t.Errorf("got %s", got)
				}
			default:
				t.Error("nothing came")
			}
		})
	}
}

func TestServicesOfOneProgramShareTheExportAndKeepTheirNames(t *testing.T) {
	address, spans := collect(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
	var log bytes.Buffer
	tel := setup(t, telemetry.Config{Service: "tidemark", LogOutput: &log})
	resolver, err := tel.For(t.Context(), "resolver")
	if err != nil {
		t.Fatal(err)
	}
	_, span := resolver.Tracer("test").Start(context.Background(), "resolve")
	span.End()
	resolver.Logger().Info("hello")
	shutdown(t, tel)
	if len(spans) != 1 {
		t.Fatalf("%d spans came, want 1", len(spans))
	}
	if got := <-spans; got != "resolver/resolve" {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(log.String(), "service=resolver") {
		t.Errorf("the log line does not name the service: %s", log.String())
	}
}

func TestNothingIsExportedUnlessTheEnvironmentSaysSo(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"no endpoint":     {},
		"exporter none":   {"OTEL_TRACES_EXPORTER": "none"},
		"switched off":    {"OTEL_SDK_DISABLED": "true"},
		"an empty string": {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
	} {
		t.Run(name, func(t *testing.T) {
			address, spans := collect(t)
			if strings.HasPrefix(name, "exporter") || strings.HasPrefix(name, "switched") {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
			}
			for k, v := range env {
				t.Setenv(k, v)
			}
			tel := setup(t, telemetry.Config{})
			_, span := tel.Tracer("test").Start(context.Background(), "scan")
			if !span.SpanContext().IsValid() {
				t.Error("there is no trace id")
			}
			span.End()
			shutdown(t, tel)
			if len(spans) != 0 {
				t.Errorf("got %s", <-spans)
			}
		})
	}
}

func TestCollectorThatIsAwayIsReportedOnceAndFailsNothing(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "200")
	var log bytes.Buffer
	tel := setup(t, telemetry.Config{LogOutput: &log})
	_, span := tel.Tracer("test").Start(context.Background(), "scan")
	span.End()
	shutdown(t, tel)
	if n := strings.Count(log.String(), "spans cannot be exported"); n != 1 {
		t.Errorf("reported %d times: %s", n, log.String())
	}
}

func TestSetupLeavesTheGlobalsAlone(t *testing.T) {
	before := []any{otel.GetTracerProvider(), otel.GetMeterProvider(), otel.GetTextMapPropagator()}
	first, second := setup(t, telemetry.Config{}), setup(t, telemetry.Config{})
	defer shutdown(t, first)
	defer shutdown(t, second)
	for i, after := range []any{otel.GetTracerProvider(), otel.GetMeterProvider(), otel.GetTextMapPropagator()} {
		if after != before[i] {
			t.Errorf("global %d was set", i)
		}
	}
}

func TestLogLinesCarryTheTrace(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var log bytes.Buffer
		tel := setup(t, telemetry.Config{LogFormat: format, LogOutput: &log})
		ctx, span := tel.Tracer("test").Start(context.Background(), "scan")
		tel.Logger().With("a", 1).InfoContext(ctx, "inside")
		tel.Logger().InfoContext(context.Background(), "outside")
		span.End()
		shutdown(t, tel)
		inside, outside, _ := strings.Cut(log.String(), "\n")
		for _, id := range []string{span.SpanContext().TraceID().String(), span.SpanContext().SpanID().String()} {
			if !strings.Contains(inside, id) {
				t.Errorf("%s: no %s in %s", format, id, inside)
			}
		}
		if strings.Contains(outside, "trace_id") {
			t.Errorf("%s: %s", format, outside)
		}
	}
}

func TestSetupRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, cfg := range []telemetry.Config{{LogLevel: "loud"}, {LogFormat: "xml"}} {
		if _, err := telemetry.Setup(context.Background(), cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "pigeon")
	if _, err := telemetry.Setup(context.Background(), telemetry.Config{}); err == nil || !strings.Contains(err.Error(), "pigeon") {
		t.Errorf("got %v", err)
	}
}

func TestTraceContextIsStoredAndFoundAgain(t *testing.T) {
	tel := setup(t, telemetry.Config{})
	defer shutdown(t, tel)
	ctx, span := tel.Tracer("test").Start(context.Background(), "scan")
	defer span.End()
	stored := telemetry.Inject(ctx)
	_, child := tel.Tracer("test").Start(telemetry.Extract(context.Background(), stored), "resolve")
	child.End()
	if child.SpanContext().TraceID() != span.SpanContext().TraceID() {
		t.Error("the child is of another trace")
	}
	if got := telemetry.Link(stored).SpanContext; got.SpanID() != span.SpanContext().SpanID() {
		t.Errorf("the link is to %v", got)
	}
	if got := telemetry.Inject(context.Background()); got != nil {
		t.Errorf("without a span: %v", got)
	}
	for _, tc := range []*metav1.TraceContext{nil, {}, {Traceparent: "00-zz-1-01"}, {Traceparent: strings.Repeat("0", 1<<20)}} {
		if sc := trace.SpanContextFromContext(telemetry.Extract(context.Background(), tc)); sc.IsValid() {
			t.Errorf("from %.40v came %v", tc, sc)
		}
	}
}

func TestStreamsThatFollowHaveNoSpan(t *testing.T) {
	got := map[string]bool{}
	for _, method := range []string{
		"/tidemark.scanner.v1.TagService/ListTags", "/tidemark.updater.v1.ImageUpdateAutomationService/RunImageUpdateAutomation",
		"/tidemark.scanner.v1.TagService/WatchTags", "/tidemark.scanner.v1.TagService/StreamTags",
		"/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "nonsense",
	} {
		got[method] = telemetry.Traced(method)
	}
	want := map[string]bool{
		"/tidemark.scanner.v1.TagService/ListTags": true, "/tidemark.updater.v1.ImageUpdateAutomationService/RunImageUpdateAutomation": true,
		"/tidemark.scanner.v1.TagService/WatchTags": false, "/tidemark.scanner.v1.TagService/StreamTags": false,
		"/grpc.health.v1.Health/Check": false, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": false, "nonsense": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
