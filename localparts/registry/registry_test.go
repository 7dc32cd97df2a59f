// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"bytes"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tidemark-io/tidemark/localparts/registry"
)

func start(t *testing.T, config registry.Config) *registry.Registry {
	t.Helper()
	r, err := registry.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

func list(t *testing.T, r *registry.Registry, repository string, options ...remote.Option) ([]string, error) {
	t.Helper()
	repo, err := name.NewRepository(r.Host()+"/"+repository, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	return remote.List(repo, append(options, remote.WithTransport(transport), remote.WithContext(t.Context()))...)
}

func digest(t *testing.T, r *registry.Registry, repository, tag string) string {
	t.Helper()
	ref, err := name.NewTag(r.Host()+"/"+repository+":"+tag, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	head, err := remote.Head(ref, remote.WithTransport(&http.Transport{DisableKeepAlives: true}))
	if err != nil {
		t.Fatal(err)
	}
	return head.Digest.String()
}

func TestPushedTagsAreListedAndDeletedOnesAreNot(t *testing.T) {
	r := start(t, registry.Config{})
	if err := r.Push(t.Context(), "team/app", "1.0.0", "1.0.1", "1.1.0"); err != nil {
		t.Fatal(err)
	}
	if a, b := digest(t, r, "team/app", "1.0.0"), digest(t, r, "team/app", "1.0.1"); a == b {
		t.Errorf("two tags share the digest %s", a)
	}
	if err := r.Delete(t.Context(), "team/app", "1.0.1"); err != nil {
		t.Fatal(err)
	}
	got, err := list(t, r, "team/app")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"1.0.0", "1.1.0"}; !slices.Equal(got, want) {
		t.Errorf("tags = %v, want %v", got, want)
	}
}

func TestPushImageMovesATag(t *testing.T) {
	r := start(t, registry.Config{})
	if err := r.Push(t.Context(), "app", "latest"); err != nil {
		t.Fatal(err)
	}
	before := digest(t, r, "app", "latest")
	image, err := registry.Image("app", "another")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.PushImage(t.Context(), "app", "latest", image); err != nil {
		t.Fatal(err)
	}
	if after := digest(t, r, "app", "latest"); after == before {
		t.Errorf("the digest is still %s", after)
	}
}

func TestCredentialsAreAskedFor(t *testing.T) {
	r := start(t, registry.Config{Username: "robot", Password: "secret"})
	if err := r.Push(t.Context(), "app", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := list(t, r, "app"); err == nil {
		t.Error("listing without credentials succeeded")
	}
	got, err := list(t, r, "app", remote.WithAuth(&authn.Basic{Username: "robot", Password: "secret"}))
	if err != nil || !slices.Equal(got, []string{"1"}) {
		t.Errorf("tags = %v, %v", got, err)
	}
}

func TestARegistryComesBackOnItsPortWithItsImages(t *testing.T) {
	config := registry.Config{Dir: t.TempDir()}
	first := start(t, config)
	if err := first.Push(t.Context(), "app", "1"); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	config.Listen = first.Host()
	second := start(t, config)
	got, err := list(t, second, "app")
	if err != nil || !slices.Equal(got, []string{"1"}) {
		t.Errorf("tags = %v, %v", got, err)
	}
}

func TestATakenPortIsAnError(t *testing.T) {
	first := start(t, registry.Config{})
	if second, err := registry.Start(registry.Config{Listen: first.Host()}); err == nil {
		t.Errorf("a second registry runs at %s", second.Host())
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		r, err := registry.Start(registry.Config{Username: "a", Password: "b"})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Push(t.Context(), "app", "1"); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// Connections end on both sides after Close has returned.
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("goroutines: %d before, %d after:\n%s", before, runtime.NumGoroutine(),
				stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

func TestRequestsAreLogged(t *testing.T) {
	var out bytes.Buffer
	r := start(t, registry.Config{Log: &out})
	if _, err := list(t, r, "absent"); err == nil {
		t.Error("an absent repository was listed")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "GET /v2/absent/tags/list 404\n"; !strings.Contains(out.String(), want) {
		t.Errorf("log = %q, want a line %q", out.String(), want)
	}
}

func TestTheRegistryAddsNoSpansToTheProcessesTraces(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	previous := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	t.Cleanup(func() { otel.SetTracerProvider(previous) })

	r := start(t, registry.Config{})
	if err := r.Push(t.Context(), "app", "1"); err != nil {
		t.Fatal(err)
	}
	if got := spans.GetSpans(); len(got) != 0 {
		t.Errorf("%d spans, the first is %q", len(got), got[0].Name)
	}
}
