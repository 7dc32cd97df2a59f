// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	grpchealth "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// UpstreamSuffix marks names that are reported and do not decide.
const UpstreamSuffix = ".upstream"

// maxCheck bounds one check, so that a store that hangs is noticed.
const maxCheck = 5 * time.Second

// Reporter holds what is known. It is safe for concurrent use.
type Reporter struct {
	server *grpchealth.Server
	log    *slog.Logger

	mu       sync.Mutex
	names    map[string]bool
	stopping bool
}

// NewReporter makes a reporter that knows of nothing yet and so says NOT_SERVING. Changes are logged.
func NewReporter(log *slog.Logger) *Reporter {
	r := &Reporter{server: grpchealth.NewServer(), log: log, names: make(map[string]bool)}
	r.publish("", false)
	return r
}

// Register adds grpc.health.v1. A Check of an unknown name is NOT_FOUND, a Watch of one SERVICE_UNKNOWN until it is
// known.
func (r *Reporter) Register(to grpc.ServiceRegistrar) { healthpb.RegisterHealthServer(to, r.server) }

// Set reports that a name serves, or does not.
func (r *Reporter) Set(name string, ok bool) { r.set(name, ok, nil) }

// SetUpstream reports whether what the names' answers come from is followed, under each name with [UpstreamSuffix].
func (r *Reporter) SetUpstream(names []string, ok bool) {
	for _, name := range names {
		r.set(name+UpstreamSuffix, ok, nil)
	}
}

// Track reports names, at once as not serving, then by what check says: now, and every so often until ctx ends. A check
// has that long to answer, 5 s at most. Track returns nil when ctx has ended.
func (r *Reporter) Track(ctx context.Context, names []string, check func(ctx context.Context) error, every time.Duration) error {
	for _, name := range names {
		r.expect(name)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		err := checked(ctx, check, min(every, maxCheck))
		if ctx.Err() != nil {
			return nil
		}
		for _, name := range names {
			r.set(name, err == nil, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func checked(ctx context.Context, check func(ctx context.Context) error, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return check(ctx)
}

// Shutdown makes every name NOT_SERVING for good: the program is stopping.
func (r *Reporter) Shutdown() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = true
	r.server.Shutdown()
}

// Ready tells whether the whole program serves, and lists the names that do not, sorted, upstreams among them.
func (r *Reporter) Ready() (ready bool, failing []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, ok := range r.names {
		if !ok {
			failing = append(failing, name)
		}
	}
	slices.Sort(failing)
	return r.readyLocked(), failing
}

// ServeHTTP answers /readyz: 200 or 503, and a line for each name, for people to read.
func (r *Reporter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	text, ready := r.describe()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = io.WriteString(w, text) // the client has gone, if it fails
}

func (r *Reporter) describe() (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var text strings.Builder
	ready := r.readyLocked()
	switch {
	case r.stopping:
		text.WriteString("not ready: shutting down\n")
	case ready:
		text.WriteString("ready\n")
	case len(r.names) == 0:
		text.WriteString("not ready: nothing was reported yet\n")
	default:
		text.WriteString("not ready\n")
	}
	for _, name := range slices.Sorted(maps.Keys(r.names)) {
		word, note := "ok", ""
		if !r.names[name] {
			word = "failing"
			if !decides(name) {
				note = " (does not decide)"
			}
		}
		fmt.Fprintf(&text, "%s: %s%s\n", name, word, note)
	}
	return text.String(), ready
}

// expect makes a name known before its first check.
func (r *Reporter) expect(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.names[name]; !known {
		r.names[name] = false
		r.publish(name, false)
	}
}

func (r *Reporter) set(name string, ok bool, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.names[name]
	if known && before == ok {
		return
	}
	r.names[name] = ok
	r.publish(name, ok)
	switch {
	case r.stopping: // nobody asks any more
	case ok:
		r.log.Info("health: serving", "name", name)
	case !known:
		r.log.Info("health: not serving yet", "name", name)
	case cause != nil:
		r.log.Warn("health: not serving", "name", name, "error", cause)
	default:
		r.log.Warn("health: not serving", "name", name)
	}
}

// publish tells watchers of the name, and of the whole program.
func (r *Reporter) publish(name string, ok bool) {
	if name != "" {
		r.server.SetServingStatus(name, statusOf(ok))
	}
	r.server.SetServingStatus("", statusOf(r.readyLocked()))
}

func statusOf(ok bool) healthpb.HealthCheckResponse_ServingStatus {
	if ok {
		return healthpb.HealthCheckResponse_SERVING
	}
	return healthpb.HealthCheckResponse_NOT_SERVING
}

func (r *Reporter) readyLocked() bool {
	deciding := 0
	for name, ok := range r.names {
		if !decides(name) {
			continue
		}
		if !ok {
			return false
		}
		deciding++
	}
	return deciding > 0 && !r.stopping
}

func decides(name string) bool { return !strings.HasSuffix(name, UpstreamSuffix) }
