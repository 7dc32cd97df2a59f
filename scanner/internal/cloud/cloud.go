// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

const (
	// early is how long before its end a credential is replaced. Google's metadata service hands out its old token until
	// four minutes before that ends.
	early = 3 * time.Minute
	// sulk is how long a failure is the answer to who asks next: many repositories have one registry.
	sulk = 5 * time.Second
	// fetchTimeout bounds one question: some SDKs look for a metadata service for minutes.
	fetchTimeout = 30 * time.Second
	// maxRegistries bounds what is kept; beyond it all are fetched again.
	maxRegistries = 10_000
)

// Provider gives credentials for its own registries.
type Provider interface {
	// Credential fetches a credential for a registry (a host name without port, in lower case) and says when it ends.
	// Errors: *Error, or the context's, wrapped.
	Credential(ctx context.Context, host string) (credential authn.AuthConfig, expires time.Time, err error)
}

// Credentials asks the providers and remembers their answers. Its zero value is ready, asks the real ones, and is safe for
// concurrent use.
type Credentials struct {
	// Providers stand in place of the real ones; nil: those.
	Providers map[scannerv1.Provider]Provider
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	mu    sync.Mutex
	known map[registryOf]*entry
}

type registryOf struct {
	provider scannerv1.Provider
	host     string
}

// entry is one registry's credential. Who holds the turn may look at and change the rest.
type entry struct {
	turn       chan struct{} // of one
	credential authn.AuthConfig
	replace    time.Time // zero: there is no credential
	err        error
	retry      time.Time
}

// Get returns a provider's credential for a registry, the one at hand or a new one. Who asks for one registry at once shares
// one question. Errors: *Error, or the context's, wrapped.
func (c *Credentials) Get(ctx context.Context, provider scannerv1.Provider, host string) (authn.AuthConfig, error) {
	key := registryOf{provider, strings.ToLower(host)}
	known := c.entry(key)
	select {
	case known.turn <- struct{}{}:
		defer func() { <-known.turn }()
	case <-ctx.Done():
		return authn.AuthConfig{}, fmt.Errorf("waiting for a credential for registry %s: %w", host, ctx.Err())
	}
	switch now := c.now(); {
	case now.Before(known.replace):
		return known.credential, nil
	case known.err != nil && now.Before(known.retry):
		return authn.AuthConfig{}, known.err
	}
	asking, err := c.provider(provider)
	if err != nil {
		return authn.AuthConfig{}, err
	}
	fetching, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	credential, expires, err := asking.Credential(fetching, key.host)
	if err != nil {
		known.credential, known.replace = authn.AuthConfig{}, time.Time{}
		if ctx.Err() == nil { // who is in no hurry may fare better
			known.err, known.retry = err, c.now().Add(sulk)
		}
		return authn.AuthConfig{}, err
	}
	known.credential, known.replace, known.err = credential, expires.Add(-early), nil
	return credential, nil
}

// Forget drops a registry's credential, which the registry has refused: the next Get fetches another one.
func (c *Credentials) Forget(provider scannerv1.Provider, host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, registryOf{provider, strings.ToLower(host)})
}

func (c *Credentials) entry(key registryOf) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.known[key]; ok {
		return known
	}
	if c.known == nil {
		c.known = map[registryOf]*entry{}
	}
	if len(c.known) >= maxRegistries {
		clear(c.known) // they are fetched again: dear, and rare
	}
	known := &entry{turn: make(chan struct{}, 1)}
	c.known[key] = known
	return known
}

func (c *Credentials) provider(which scannerv1.Provider) (Provider, error) {
	if given, ok := c.Providers[which]; ok {
		return given, nil
	}
	switch which {
	case scannerv1.Provider_PROVIDER_AWS:
		return AWS{}, nil
	case scannerv1.Provider_PROVIDER_AZURE:
		return Azure{}, nil
	case scannerv1.Provider_PROVIDER_GCP:
		return GCP{}, nil
	case scannerv1.Provider_PROVIDER_UNSPECIFIED, scannerv1.Provider_PROVIDER_GENERIC:
	}
	return nil, &Error{Kind: ErrUnavailable, Message: fmt.Sprintf("%s is no provider of credentials", which)}
}

func (c *Credentials) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}
