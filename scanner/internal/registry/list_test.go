// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
)

// counted is a real registry that counts the requests for pages and the others.
type counted struct {
	*localregistry.Registry
	pages, others atomic.Int64
}

func startRegistry(t *testing.T, config localregistry.Config) *counted {
	t.Helper()
	c := &counted{}
	config.Wrap = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/tags/list") && r.Header.Get("Authorization") != "" == (config.Username != "") {
				c.pages.Add(1)
			} else {
				c.others.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}
	var err error
	if c.Registry, err = localregistry.Start(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the registry: %v", err)
		}
	})
	return c
}

func (c *counted) reset() {
	c.pages.Store(0)
	c.others.Store(0)
}

func newClient(t *testing.T) *Client {
	t.Helper()
	client := NewClient(Config{})
	t.Cleanup(client.Close)
	return client
}

func parse(t *testing.T, image string) CanonicalName {
	t.Helper()
	name, err := ParseImage(image)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func login(t *testing.T, host, username, password string) authn.Keychain {
	t.Helper()
	keychain, err := DockerConfig(fmt.Appendf(nil,
		`{"auths":{%q:{"username":%q,"password":%q}}}`, host, username, password))
	if err != nil {
		t.Fatal(err)
	}
	return keychain
}

func push(t *testing.T, r *counted, repository string, n int) []string {
	t.Helper()
	var tags []string
	for i := range n {
		tags = append(tags, fmt.Sprintf("1.0.%d", i))
	}
	if err := r.Push(t.Context(), repository, tags...); err != nil {
		t.Fatal(err)
	}
	slices.Sort(tags)
	return tags
}

func TestListAsksOncePerPage(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	client := newClient(t)
	want := push(t, r, "team/app", 7)
	name := parse(t, r.Host()+"/team/app")
	for _, test := range []struct{ size, pages int }{{1000, 1}, {8, 1}, {3, 3}, {5, 2}, {4, 2}, {0, 1}} {
		r.reset()
		got, err := client.List(t.Context(), name, Options{PageSize: test.size})
		if err != nil || !slices.Equal(got.Tags, want) {
			t.Fatalf("page size %d: %v, %v", test.size, got.Tags, err)
		}
		if got.Pages != test.pages || r.pages.Load() != int64(test.pages) {
			t.Errorf("page size %d: %d pages in %d requests, want %d", test.size, got.Pages, r.pages.Load(), test.pages)
		}
	}
}

func TestSigningInHappensOnce(t *testing.T) {
	r := startRegistry(t, localregistry.Config{Username: "robot", Password: "secret"})
	client := newClient(t)
	push(t, r, "app", 3)
	r.reset()
	options := Options{Keychain: login(t, r.Host(), "robot", "secret")}
	for range 3 {
		if _, err := client.List(t.Context(), parse(t, r.Host()+"/app"), options); err != nil {
			t.Fatal(err)
		}
	}
	if r.pages.Load() != 3 || r.others.Load() != 1 {
		t.Errorf("%d pages and %d other requests, want 3 and 1 (the first /v2/)", r.pages.Load(), r.others.Load())
	}
}

func TestWrongCredentialsAreAnAuthenticationError(t *testing.T) {
	r := startRegistry(t, localregistry.Config{Username: "robot", Password: "secret"})
	client := newClient(t)
	push(t, r, "app", 1)
	name := parse(t, r.Host()+"/app")
	wrong := Options{Keychain: login(t, r.Host(), "robot", "hunter2")}
	right := Options{Keychain: login(t, r.Host(), "robot", "secret")}

	if _, err := client.List(t.Context(), name, right); err != nil {
		t.Fatal(err)
	}
	// The session of the right credential is not used for others.
	for text, options := range map[string]Options{"refused the credentials for": wrong, "wants credentials for": {}} {
		_, err := client.List(t.Context(), name, options)
		if !errors.Is(err, ErrAuthentication) || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is told: %v", err)
		}
	}
	if _, err := client.Head(t.Context(), name, "1.0.0", wrong); !errors.Is(err, ErrAuthentication) {
		t.Errorf("head: %v", err)
	}
}

func TestARegistryThatBeginsToAskForCredentialsIsAskedAnew(t *testing.T) {
	config := localregistry.Config{Dir: t.TempDir()}
	open := startRegistry(t, config)
	push(t, open, "app", 1)
	client := newClient(t)
	name, options := parse(t, open.Host()+"/app"), Options{Keychain: login(t, open.Host(), "robot", "secret")}
	if _, err := client.List(t.Context(), name, options); err != nil {
		t.Fatal(err)
	}
	if err := open.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.List(t.Context(), name, options); !errors.Is(err, ErrUnreachable) {
		t.Errorf("while it is down: %v", err)
	}
	config.Listen, config.Username, config.Password = open.Host(), "robot", "secret"
	startRegistry(t, config)
	if _, err := client.List(t.Context(), name, options); err != nil {
		t.Error(err)
	}
}

func TestAnAbsentRepositoryIsNotFound(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	client := newClient(t)
	push(t, r, "app", 1)
	absent := parse(t, r.Host()+"/absent")
	_, err := client.List(t.Context(), absent, Options{})
	if want := "repository " + r.Host() + "/absent does not exist or is private"; !errors.Is(err, ErrNotFound) || err.Error() != want {
		t.Errorf("list: %v, want %s", err, want)
	}
	_, err = client.Head(t.Context(), parse(t, r.Host()+"/app"), "2", Options{})
	if want := "tag " + r.Host() + "/app:2 does not exist"; !errors.Is(err, ErrNotFound) || err.Error() != want {
		t.Errorf("head: %v, want %s", err, want)
	}
}

func TestHeadTellsTheDigestOfImageAndIndex(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	client := newClient(t)
	image, err := localregistry.Image("app", "1")
	if err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}},
	})
	if err := errors.Join(r.PushImage(t.Context(), "app", "1", image), r.PushImage(t.Context(), "app", "2", index)); err != nil {
		t.Fatal(err)
	}
	for tag, of := range map[string]interface{ Digest() (v1.Hash, error) }{"1": image, "2": index} {
		want, err := of.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := client.Head(t.Context(), parse(t, r.Host()+"/app"), tag, Options{}); err != nil || got != want.String() {
			t.Errorf("tag %s: %s, %v; want %s", tag, got, err, want)
		}
	}
}

func TestNobodyListeningIsUnreachable(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := newClient(t).List(t.Context(), parse(t, r.Host()+"/app"), Options{})
	if want := "registry " + r.Host() + " cannot be reached: connection refused"; !errors.Is(err, ErrUnreachable) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestCancellationAndDeadlineAreTold(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	client, name := newClient(t), parse(t, r.Host()+"/app")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.List(cancelled, name, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := client.List(late, name, Options{}); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnreachable) {
		t.Errorf("late: %v", err)
	}
}
