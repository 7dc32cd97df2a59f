// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/health"
	"github.com/tidemark-io/tidemark/platform/server"
)

func TestChecksAndWatchesTellWhatWasReported(t *testing.T) {
	var reporter *health.Reporter
	conn := grpctest.Serve(t, func(grpc.ServiceRegistrar) {}, grpctest.OnStart(func(s *server.Server, _ func()) { reporter = s.Health() }))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client := healthpb.NewHealthClient(conn)
	check := func(name string) string {
		resp, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: name})
		if err != nil {
			return status.Code(err).String()
		}
		return resp.GetStatus().String()
	}
	watch, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name string
		ok   bool
		want map[string]string
		seen string // what a watch of the whole program is sent; empty: nothing new
	}{
		{"", false, map[string]string{"": "NOT_SERVING", "scanner": codes.NotFound.String()}, "NOT_SERVING"},
		{"scanner", false, map[string]string{"": "NOT_SERVING", "scanner": "NOT_SERVING"}, ""},
		{"", true, map[string]string{"": "NOT_SERVING"}, ""},
		{"scanner", true, map[string]string{"": "SERVING", "scanner": "SERVING"}, "SERVING"},
		{"scanner.upstream", false, map[string]string{"": "SERVING", "scanner.upstream": "NOT_SERVING"}, ""},
		{"scanner", false, map[string]string{"": "NOT_SERVING", "scanner": "NOT_SERVING"}, "NOT_SERVING"},
	} {
		reporter.Set(step.name, step.ok)
		got := map[string]string{}
		for name := range step.want {
			got[name] = check(name)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("after %s %t: %s", step.name, step.ok, diff)
		}
		if step.seen == "" {
			continue
		}
		if resp, err := watch.Recv(); err != nil || resp.GetStatus().String() != step.seen {
			t.Errorf("after %s %t the watch saw %v, %v", step.name, step.ok, resp, err)
		}
	}
}

func TestTrackFollowsItsCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := health.NewReporter(slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(context.Background())
		var failing, hanging atomic.Bool
		done := make(chan error)
		go func() {
			done <- r.Track(ctx, []string{"scanner", "tidemark.scanner.v1.TagService"}, func(ctx context.Context) error {
				if hanging.Load() {
					<-ctx.Done()
					return ctx.Err()
				}
				if failing.Load() {
					return errors.New("no leader")
				}
				return nil
			}, time.Second)
		}()
		both := []string{"scanner", "tidemark.scanner.v1.TagService"}
		for _, step := range []struct {
			change  func()
			ready   bool
			failing []string
		}{
			{func() {}, true, nil},
			{func() { failing.Store(true) }, false, both},
			{func() { failing.Store(false) }, true, nil},
			{func() { hanging.Store(true) }, false, both},
		} {
			step.change()
			time.Sleep(2500 * time.Millisecond) // of fake time
			synctest.Wait()
			ready, names := r.Ready()
			if diff := cmp.Diff(step.failing, names); ready != step.ready || diff != "" {
				t.Errorf("ready %t, %s", ready, diff)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Track: %v", err)
		}
	})
}

func TestNothingServesBeforeTheFirstCheckAndAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := health.NewReporter(slog.New(slog.DiscardHandler))
		r.Set("other", true)
		ctx, cancel := context.WithCancel(context.Background())
		release := make(chan struct{})
		done := make(chan error)
		go func() {
			done <- r.Track(ctx, []string{"slow"}, func(context.Context) error { <-release; return nil }, time.Second)
		}()
		synctest.Wait()
		if ready, failing := r.Ready(); ready || len(failing) != 1 {
			t.Errorf("while the first check runs: %t %v", ready, failing)
		}
		close(release)
		synctest.Wait()
		if ready, failing := r.Ready(); !ready {
			t.Errorf("after it: %v", failing)
		}
		r.Shutdown()
		r.Set("slow", true)
		if ready, _ := r.Ready(); ready {
			t.Error("ready after shutdown")
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Track: %v", err)
		}
	})
}

func TestAnUpstreamThatIsAwayIsToldForEachNameAndDecidesNothing(t *testing.T) {
	reporter := health.NewReporter(slog.New(slog.DiscardHandler))
	names := []string{"resolver", "tidemark.resolver.v1.ImagePolicyService"}
	for _, name := range names {
		reporter.Set(name, true)
	}
	reporter.SetUpstream(names, false)
	ready, failing := reporter.Ready()
	want := []string{"resolver.upstream", "tidemark.resolver.v1.ImagePolicyService.upstream"}
	if !ready || !slices.Equal(failing, want) {
		t.Errorf("ready %t, failing %v; want true and %v", ready, failing, want)
	}
}
