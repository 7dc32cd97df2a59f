// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// logBook is a log to look into.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func TestAWarningIsLoggedOnceAndNotByEachRun(t *testing.T) {
	w := newWorld(t)
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")})
	var book logBook
	r := w.start(func(c *Config) { c.Telemetry = grpctest.Telemetry(t, &book) })
	r.applySource(w.source("gitops"))
	r.apply(automation("web", "gitops"))
	r.ready("web", "Succeeded", "repository up-to-date")
	for range 3 {
		if _, run, err := r.runNow("web"); err != nil || len(run.GetWarnings()) != 1 {
			t.Fatalf("run: %v, %v", run, err)
		}
	}
	if n := book.count("there is no ImagePolicy 'flux-system/web'"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	if a := r.ready("web", "Succeeded", "pushed"); len(a.GetStatus().GetWarnings()) != 0 {
		t.Errorf("warnings stay: %q", a.GetStatus().GetWarnings())
	}
}

// panicking panics where a run is recorded.
type panicking struct{ run.Records }

func (panicking) Begin(context.Context, []state.Record) error { panic("a defect") }

func TestADefectInOneRunStopsNoOther(t *testing.T) {
	w := newWorld(t)
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")})
	w.repository("well", map[string]string{"ok.yaml": deployment("ok", "ghcr.io/a/ok:1.0.0")})
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	w.up.choose("ok", "ghcr.io/a/ok:1.0.0")
	var book logBook
	r := w.prepare(func(c *Config) { c.Telemetry = grpctest.Telemetry(t, &book) })
	r.service.runner.Records = panicking{r.service.runs}
	r.run()
	r.applySource(w.source("gitops"))
	r.applySource(w.source("well"))
	r.apply(automation("web", "gitops"))
	r.ready("web", "Failure", "the run failed by a defect of ours")
	r.apply(automation("ok", "well"))
	r.ready("ok", "Succeeded", "repository up-to-date")
	if book.count("a run has panicked") == 0 || book.count("panicking.Begin") == 0 {
		t.Error("the stack is not in the log")
	}
}
