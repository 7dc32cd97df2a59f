// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/scanner/internal/budget"
)

// disturbed is a real registry whose pages a test disturbs.
type disturbed struct {
	*localregistry.Registry
	// disturb answers the n-th request for a page of tags; false: the registry does.
	disturb func(n int64, w http.ResponseWriter, r *http.Request) bool
	pages   atomic.Int64
	// now and most are the requests of all kinds that are under way.
	now, most atomic.Int64
}

func startDisturbed(t *testing.T, disturb func(n int64, w http.ResponseWriter, r *http.Request) bool) *disturbed {
	t.Helper()
	d := &disturbed{disturb: disturb}
	var err error
	d.Registry, err = localregistry.Start(localregistry.Config{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				d.most.Store(max(d.most.Load(), d.now.Add(1)))
				defer d.now.Add(-1)
			}
			if strings.HasSuffix(r.URL.Path, "/tags/list") && d.disturb(d.pages.Add(1), w, r) {
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the registry: %v", err)
		}
	})
	return d
}

func (d *disturbed) push(t *testing.T, repository string, tags int) {
	t.Helper()
	for i := range tags {
		if err := d.Push(t.Context(), repository, fmt.Sprintf("v1.0.%d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

func newBudgeted(t *testing.T, config budget.Config) (*Client, *budget.Hosts) {
	t.Helper()
	hosts, err := budget.New(config)
	if err != nil {
		t.Fatal(err)
	}
	client := NewClient(Config{Budget: hosts})
	t.Cleanup(client.Close)
	return client, hosts
}

// listWithin lists within a time, and checks that no turn is kept.
func listWithin(t *testing.T, c *Client, hosts *budget.Hosts, image string, within time.Duration) (Listing, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	listing, err := c.List(ctx, parse(t, image), Options{PageSize: 2})
	cancel() // where a turn is given back by the context, it is given back now
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		kept := 0
		for _, host := range hosts.List() {
			kept += host.InFlight + host.Waiting
		}
		if kept == 0 {
			return listing, err
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d turns are kept: %+v", kept, hosts.List())
		}
	}
}

func tooMany(w http.ResponseWriter, retryAfter string) bool {
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(http.StatusTooManyRequests)
	return true
}

func TestAListingGoesOnAfterAPause(t *testing.T) {
	for name, test := range map[string]struct {
		retryAfter string
		atLeast    time.Duration
	}{
		"of a length that is told": {"1", time.Second},
		"of a length that is not":  {"", 50 * time.Millisecond},
		"at once":                  {"0", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDisturbed(t, func(n int64, w http.ResponseWriter, _ *http.Request) bool {
				return n == 2 && tooMany(w, test.retryAfter)
			})
			d.push(t, "app", 5)
			c, hosts := newBudgeted(t, budget.Config{FirstPause: 50 * time.Millisecond})
			began := time.Now()
			listing, err := listWithin(t, c, hosts, d.Host()+"/app", 10*time.Second)
			if err != nil || len(listing.Tags) != 5 || listing.Pages != 3 {
				t.Errorf("%d tags of %d pages, %v", len(listing.Tags), listing.Pages, err)
			}
			if took := time.Since(began); took < test.atLeast {
				t.Errorf("after %v, want at least %v", took, test.atLeast)
			}
			if d.pages.Load() != 4 {
				t.Errorf("%d requests, want 3 and the one that was put off", d.pages.Load())
			}
		})
	}
}

func TestALongPauseFailsAtOnceAndNothingIsSentUntilItIsOver(t *testing.T) {
	d := startDisturbed(t, func(n int64, w http.ResponseWriter, _ *http.Request) bool { return n == 2 && tooMany(w, "3600") })
	d.push(t, "app", 5)
	c, hosts := newBudgeted(t, budget.Config{})
	for i := range 3 {
		_, err := listWithin(t, c, hosts, d.Host()+"/app", 10*time.Second)
		failure, ok := errors.AsType[*Error](err)
		if !ok || !errors.Is(err, ErrRateLimited) || failure.RetryAfter < 3590*time.Second || failure.RetryAfter > time.Hour {
			t.Fatalf("list %d: %v, %+v", i, err, failure)
		}
		if !strings.HasPrefix(err.Error(), "registry "+d.Host()+" asked for a pause until 20") {
			t.Errorf("it says %q", err)
		}
	}
	if d.pages.Load() != 2 {
		t.Errorf("%d requests, want none after the pause began", d.pages.Load())
	}
	// Other credentials have a budget of their own.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	options := Options{Keychain: login(t, d.Host(), "user", "password"), PageSize: 2}
	if _, err := c.List(ctx, parse(t, d.Host()+"/app"), options); err != nil {
		t.Errorf("with other credentials: %v", err)
	}
}

func TestAStormOf5xxIsLeftAlone(t *testing.T) {
	var storm atomic.Bool
	storm.Store(true)
	d := startDisturbed(t, func(n int64, w http.ResponseWriter, _ *http.Request) bool {
		if storm.Load() {
			w.WriteHeader(500 + int(n%4))
		}
		return storm.Load()
	})
	d.push(t, "app", 3)
	c, hosts := newBudgeted(t, budget.Config{})
	for range 20 {
		_, err := listWithin(t, c, hosts, d.Host()+"/app", 10*time.Second)
		if !errors.Is(err, ErrServer) {
			t.Fatalf("%v, want ErrServer", err)
		}
	}
	// Signing in, which succeeds, is between the first two failures.
	if got := d.pages.Load(); got > 6 {
		t.Errorf("%d requests of 20 were sent, want 5 or 6", got)
	}
	_, err := listWithin(t, c, hosts, d.Host()+"/app", 10*time.Second)
	if err == nil || !strings.Contains(err.Error(), "is down (50") {
		t.Errorf("it says %v", err)
	}

	c, hosts = newBudgeted(t, budget.Config{FirstPause: 20 * time.Millisecond})
	for range 6 {
		if _, err := listWithin(t, c, hosts, d.Host()+"/app", 10*time.Second); !errors.Is(err, ErrServer) {
			t.Fatalf("%v, want ErrServer", err)
		}
	}
	storm.Store(false)
	if listing, err := listWithin(t, c, hosts, d.Host()+"/app", 10*time.Second); err != nil || len(listing.Tags) != 3 {
		t.Errorf("after the storm: %d tags, %v", len(listing.Tags), err)
	}
}

func flush(w http.ResponseWriter) {
	if err := http.NewResponseController(w).Flush(); err != nil {
		panic(err)
	}
}

func TestPagesThatBreakOffGiveTheirTurnsBack(t *testing.T) {
	half := `{"name":"app","tags":["v1.0.0","v1.`
	for name, test := range map[string]struct {
		disturb func(w http.ResponseWriter, r *http.Request)
		want    error
	}{
		"a reset in the middle": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			write(w, "%s", half)
			flush(w)
			panic(http.ErrAbortHandler)
		}, ErrUnreachable},
		"a stall in the middle": {func(w http.ResponseWriter, r *http.Request) {
			write(w, "%s", half)
			flush(w)
			<-r.Context().Done()
		}, context.DeadlineExceeded},
		"a stall before it": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, context.DeadlineExceeded},
		"JSON that is truncated": {func(w http.ResponseWriter, _ *http.Request) {
			write(w, "%s", half)
		}, ErrInvalidResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDisturbed(t, func(n int64, w http.ResponseWriter, r *http.Request) bool {
				if n == 2 {
					test.disturb(w, r)
				}
				return n == 2
			})
			d.push(t, "app", 5)
			c, hosts := newBudgeted(t, budget.Config{MaxInFlight: 1})
			listing, err := listWithin(t, c, hosts, d.Host()+"/app", time.Second)
			if !errors.Is(err, test.want) || len(listing.Tags) != 0 {
				t.Errorf("%d tags, %v, want %v", len(listing.Tags), err, test.want)
			}
			if listing, err = listWithin(t, c, hosts, d.Host()+"/app", 10*time.Second); err != nil || len(listing.Tags) != 5 {
				t.Errorf("then: %d tags, %v", len(listing.Tags), err)
			}
		})
	}
}

func TestSmallRepositoriesAreListedBetweenThePagesOfALargeOne(t *testing.T) {
	underWay := make(chan struct{})
	var once sync.Once
	d := startDisturbed(t, func(int64, http.ResponseWriter, *http.Request) bool {
		once.Do(func() { close(underWay) })
		time.Sleep(time.Millisecond)
		return false
	})
	d.push(t, "large", 120)
	d.push(t, "small", 1)
	c, _ := newBudgeted(t, budget.Config{MaxInFlight: 2})
	var large sync.WaitGroup
	var over atomic.Bool
	for range 2 { // as many as there are turns
		large.Go(func() {
			if _, err := c.List(t.Context(), parse(t, d.Host()+"/large"), Options{PageSize: 2}); err != nil {
				t.Error(err)
			}
			over.Store(true)
		})
	}
	<-underWay
	var small sync.WaitGroup
	for range 10 {
		small.Go(func() {
			if _, err := c.List(t.Context(), parse(t, d.Host()+"/small"), Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	small.Wait()
	if over.Load() {
		t.Error("the small listings ended after a large one")
	}
	large.Wait()
	if got := d.most.Load(); got > 2 {
		t.Errorf("%d requests at once, want at most 2", got)
	}
}

func TestATokenServiceHasABudgetOfItsOwn(t *testing.T) {
	request := func(url string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return budgetHost(r)
	}
	for url, want := range map[string]string{
		"https://ghcr.io/v2/":         "ghcr.io",
		"https://GHCR.io:443/token":   "ghcr.io",
		"http://ghcr.io/v2/":          "ghcr.io:80",
		"https://ghcr.io:5000/v2/":    "ghcr.io:5000",
		"https://auth.docker.io/t?x=": "auth.docker.io",
	} {
		if got := request(url); got != want {
			t.Errorf("%s is of %s, want %s", url, got, want)
		}
	}
}
