// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

func TestOneTraceFromTheScanToThePush(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		spans := harness.NewSpans(t, "127.0.0.1:0")
		w := suite.NewWorld(t, kind, harness.Options{Env: spans.Env(), Args: []string{"--log-format", "json", "--log-level", "debug"}})
		runOnce(t, w)
		w.Push(t, "app", "1.1.0")
		w.Do(t, "reconcile", "image", "repository", "app")
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.1.0 ")
		var trace string
		harness.Await(t, "one trace of scan, evaluation, run, commit and push", func(context.Context) (err error) {
			trace, err = wholeTrace(spans.All())
			return err
		})
		services := map[string]bool{}
		for _, span := range spans.All() {
			if span.Trace == trace {
				services[span.Service] = true
			}
		}
		for _, p := range w.Processes() {
			logsHaveTrace(t, p, trace)
		}
		t.Logf("the trace has spans of %v", services)
	})
}

// steps are names of spans that one trace must have.
func steps() []string { return []string{"scan", "evaluate policy", "run", "commit", "push"} }

// wholeTrace is a trace that has all steps, each below the one before.
func wholeTrace(spans []harness.Span) (string, error) {
	byID := map[string]harness.Span{}
	for _, span := range spans {
		byID[span.ID] = span
	}
	var seen []string
	for _, span := range spans {
		if span.Name != "push" {
			continue
		}
		above := map[string]bool{"push": true, "commit": true} // siblings
		for up := span; ; {
			above[up.Name] = true
			parent, ok := byID[up.Parent]
			if !ok || parent.Trace != span.Trace {
				break
			}
			up = parent
		}
		missing := ""
		for _, step := range steps() {
			if !above[step] {
				missing += " " + step
			}
		}
		if missing == "" && has(spans, span.Trace, "commit") {
			return span.Trace, nil
		}
		seen = append(seen, fmt.Sprintf("%s lacks%s", span.Trace, missing))
	}
	return "", fmt.Errorf("%d spans; pushes: %q", len(spans), seen)
}

func has(spans []harness.Span, trace, name string) bool {
	for _, span := range spans {
		if span.Trace == trace && span.Name == name {
			return true
		}
	}
	return false
}

// logsHaveTrace makes sure that all lines are JSON, and one at least has the trace.
func logsHaveTrace(t *testing.T, p *harness.Process, trace string) {
	t.Helper()
	found := false
	for _, line := range p.Stderr.Lines() {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("%s logs what is no JSON: %q", p.Name, line)
			continue
		}
		found = found || entry["trace_id"] == trace
	}
	if !found {
		t.Errorf("no line of %s's log has trace_id %s", p.Name, trace)
	}
}

func TestNothingIsExportedUnlessAskedFor(t *testing.T) {
	t.Parallel()
	if !harness.IsFree("127.0.0.1:4317") {
		t.Skip("somebody listens on OTLP's usual port")
	}
	spans := harness.NewSpans(t, "127.0.0.1:4317") // where exporters send to when nobody says where
	for _, kind := range harness.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			w := suite.NewWorld(t, kind, harness.Options{})
			runOnce(t, w)
			w.Stop(t) // a program flushes what it has when it ends
			if all := spans.All(); len(all) != 0 {
				t.Errorf("%d spans were exported, for example %+v", len(all), all[0])
			}
		})
	}
}

func TestMetricsTellOfTheWork(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		runOnce(t, w)
		for _, service := range harness.Services() {
			harness.Await(t, "metrics of the "+string(service), func(ctx context.Context) error {
				text, err := get(ctx, "http://"+w.HTTPAddress(service)+"/metrics")
				if err == nil && !strings.Contains(text, "\ntidemark_"+string(service)+"_") {
					err = fmt.Errorf("no tidemark_%s_… in\n%.2000s", service, text)
				}
				return err
			})
			for _, path := range []string{"/healthz", "/readyz"} {
				if _, err := get(t.Context(), "http://"+w.HTTPAddress(service)+path); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// runOnce lets one tag arrive.
func runOnce(t *testing.T, w *harness.World) {
	t.Helper()
	w.Push(t, "app", "1.0.0")
	url := w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "0.9.0", "app")})
	w.Apply(t, w.RepositoryManifest("app", "app", "1m"), harness.PolicyManifest("app", "app", "1.x"),
		harness.SourceManifest("gitops", url), harness.UpdateManifest("gitops", "gitops", "1m", ""))
	w.AwaitFile(t, "gitops.git", "app.yaml", ":1.0.0 ")
}

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(response.Body)
	if closing := response.Body.Close(); err == nil {
		err = closing
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", url, response.Status, text)
	}
	return string(text), err
}
