// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

const amazons = scannerv1.Provider_PROVIDER_AWS

// counter hands out passwords "1", "2", … that last for an hour; or fails.
type counter struct {
	asked  atomic.Int64
	atOnce atomic.Int64
	now    func() time.Time
	fail   atomic.Pointer[Error]
	block  chan struct{}
}

func (c *counter) Credential(ctx context.Context, host string) (authn.AuthConfig, time.Time, error) {
	n := c.asked.Add(1)
	if c.atOnce.Add(1) > 1 {
		panic("two questions at once")
	}
	defer c.atOnce.Add(-1)
	if c.block != nil {
		select {
		case <-c.block:
		case <-ctx.Done():
			return authn.AuthConfig{}, time.Time{}, failed(host, "test", "", ctx.Err())
		}
	}
	if err := c.fail.Load(); err != nil {
		return authn.AuthConfig{}, time.Time{}, err
	}
	return authn.AuthConfig{Username: "u", Password: strconv.FormatInt(n, 10)}, c.now().Add(time.Hour), nil
}

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time           { return time.Unix(c.at.Load(), 0) }
func (c *clock) advance(by time.Duration) { c.at.Add(int64(by.Seconds())) }
func newCredentials() (*Credentials, *counter, *clock) {
	watch := &clock{}
	watch.advance(time.Hour)
	provider := &counter{now: watch.now}
	return &Credentials{Providers: map[scannerv1.Provider]Provider{amazons: provider}, Now: watch.now}, provider, watch
}

func password(t *testing.T, c *Credentials, host string) string {
	t.Helper()
	credential, err := c.Get(t.Context(), amazons, host)
	if err != nil {
		t.Fatal(err)
	}
	return credential.Password
}

func TestACredentialIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	c, _, watch := newCredentials()
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{0, "1"}, {56 * time.Minute, "1"}, {time.Minute, "2"}, {56 * time.Minute, "2"}, {time.Hour, "3"}} {
		watch.advance(step.after)
		if got := password(t, c, "A.example"); got != step.want {
			t.Errorf("after %s more: credential %s, want %s", step.after, got, step.want)
		}
	}
	if got := password(t, c, "a.example"); got != "3" {
		t.Errorf("another spelling of the host got another credential: %s", got)
	}
}

func TestRegistriesAndForgottenCredentialsAreFetchedForThemselves(t *testing.T) {
	c, _, _ := newCredentials()
	if a, b := password(t, c, "a.example"), password(t, c, "b.example"); a != "1" || b != "2" {
		t.Errorf("%s, %s", a, b)
	}
	c.Forget(amazons, "A.example")
	if a, b := password(t, c, "a.example"), password(t, c, "b.example"); a != "3" || b != "2" {
		t.Errorf("after forgetting: %s, %s", a, b)
	}
}

func TestOneRegistryIsAskedOnceAtATime(t *testing.T) {
	c, provider, _ := newCredentials()
	provider.block = make(chan struct{})
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if credential, err := c.Get(t.Context(), amazons, "a.example"); err != nil || credential.Password != "1" {
				t.Errorf("%v, %v", credential.Password, err)
			}
		})
	}
	close(provider.block)
	group.Wait()
	if n := provider.asked.Load(); n != 1 {
		t.Errorf("%d questions", n)
	}
}

func TestAFailureAnswersForAMomentAndWhoLeavesSpoilsNothing(t *testing.T) {
	c, provider, watch := newCredentials()
	provider.block = make(chan struct{})
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, err := c.Get(left, amazons, "a.example"); !errors.Is(err, context.Canceled) {
		t.Errorf("who has left: %v", err)
	}
	close(provider.block)
	provider.fail.Store(&Error{Kind: ErrUnavailable, Message: "gone"})
	before := provider.asked.Load()
	for range 10 {
		if _, err := c.Get(t.Context(), amazons, "a.example"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%v", err)
		}
	}
	if n := provider.asked.Load() - before; n != 1 {
		t.Errorf("%d questions for ten callers", n)
	}
	provider.fail.Store(nil)
	watch.advance(sulk)
	password(t, c, "a.example")
}

func TestGenericIsNoProvider(t *testing.T) {
	c := &Credentials{}
	if _, err := c.Get(t.Context(), scannerv1.Provider_PROVIDER_GENERIC, "a.example"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("%v", err)
	}
}
