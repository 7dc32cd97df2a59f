// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanning

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// newTransport keeps as many connections as there are requests at once.
func newTransport(tb testing.TB) *http.Transport {
	tb.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: concurrency}
	tb.Cleanup(transport.CloseIdleConnections)
	return transport
}

// plainLoop lists one repository after the other with go-containerregistry, as a small script would.
func plainLoop(tb testing.TB, r *registry, s size, transport *http.Transport) {
	tb.Helper()
	for i := range s.repositories {
		repository, err := name.NewRepository(r.image(i), name.Insecure)
		if err != nil {
			tb.Fatal(err)
		}
		tags, err := remote.List(repository, remote.WithContext(tb.Context()), remote.WithTransport(transport))
		if err != nil {
			tb.Fatal(err)
		}
		if len(tags) != s.tags {
			tb.Fatalf("%s has %d tags, want %d", repository, len(tags), s.tags)
		}
	}
}

// rawRequests reads the same pages and throws them away: no client is faster on this machine.
func rawRequests(tb testing.TB, r *registry, s size, transport *http.Transport) {
	tb.Helper()
	client := &http.Client{Transport: transport}
	each(tb, s.repositories, func(ctx context.Context, i int) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.page(i), nil)
		if err != nil {
			return fmt.Errorf("page %d: %w", i, err)
		}
		answer, err := client.Do(request)
		if err != nil {
			return fmt.Errorf("page %d: %w", i, err)
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if closed := answer.Body.Close(); err == nil {
			err = closed
		}
		if err == nil && answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("the registry answered %s", answer.Status)
		}
		return err
	})
}

// each calls do for each of n, several at once.
func each(tb testing.TB, n int, do func(ctx context.Context, i int) error) {
	tb.Helper()
	group, ctx := errgroup.WithContext(tb.Context())
	group.SetLimit(concurrency)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	if err := group.Wait(); err != nil {
		tb.Fatal(err)
	}
}
