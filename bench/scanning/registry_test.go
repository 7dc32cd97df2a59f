// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanning

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
)

const (
	baseRepository = "base"
	baseTag        = "1.0.0"
	// storage is where the registry's filesystem driver keeps repositories.
	storage = "docker/registry/v2/repositories"
)

// registry is a real one, with repositories bench/repository-0000 and on. It counts listings and can hold them up.
type registry struct {
	*localregistry.Registry
	meter *meter
}

// startRegistry starts a registry with so many repositories and tags. One image is pushed; each further tag is a link to
// that one in the registry's storage, which costs an inode: listing reads the names, and every tag can be pulled.
func startRegistry(tb testing.TB, s size) *registry {
	tb.Helper()
	r := &registry{meter: &meter{connections: map[string]bool{}}}
	dir := tb.TempDir()
	var err error
	if r.Registry, err = localregistry.Start(localregistry.Config{Dir: dir, Wrap: r.meter.wrap}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	if err := r.Push(tb.Context(), baseRepository, baseTag); err != nil {
		tb.Fatal(err)
	}
	for i := range s.repositories {
		if err := linkRepository(filepath.Join(dir, storage), i, s.tags); err != nil {
			tb.Fatal(err)
		}
	}
	return r
}

// linkRepository makes one repository of links to the pushed one.
func linkRepository(root string, i, tags int) error {
	folder := filepath.Join(root, "bench", repositoryName(i))
	all := filepath.Join(folder, "_manifests", "tags")
	if err := os.MkdirAll(all, 0o750); err != nil {
		return fmt.Errorf("making a repository: %w", err)
	}
	links := map[string]string{
		filepath.Join(folder, "_layers"):                 "../../" + baseRepository + "/_layers",
		filepath.Join(folder, "_manifests", "revisions"): "../../../" + baseRepository + "/_manifests/revisions",
	}
	for t := range tags {
		name := fmt.Sprintf("1.%d.%d", t/10, t%10)
		links[filepath.Join(all, name)] = "../../../../" + baseRepository + "/_manifests/tags/" + baseTag
	}
	for link, target := range links {
		if err := os.Symlink(target, link); err != nil {
			return fmt.Errorf("making a repository: %w", err)
		}
	}
	return nil
}

// image is the image's name as a manifest has it.
func (r *registry) image(i int) string { return r.Host() + "/bench/" + repositoryName(i) }

// page is the address of the only page of a repository's tags.
func (r *registry) page(i int) string {
	return "http://" + r.Host() + "/v2/bench/" + repositoryName(i) + "/tags/list?n=1000"
}

// meter counts a registry's requests. While it is shut, listings wait.
type meter struct {
	mu                 sync.Mutex
	requests, listings int
	// connections are the clients' ends of those that a request came over.
	connections map[string]bool
	gate        chan struct{}
	awaited     int
	reached     chan struct{}
}

func (m *meter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if gate := m.count(req.RemoteAddr, strings.HasSuffix(req.URL.Path, "/tags/list")); gate != nil {
			select {
			case <-gate:
			case <-req.Context().Done():
			}
		}
		next.ServeHTTP(w, req)
	})
}

// count counts a request, and returns the gate that it has to wait at; nil: none.
func (m *meter) count(connection string, listing bool) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests++
	m.connections[connection] = true
	if !listing {
		return nil
	}
	if m.listings++; m.reached != nil && m.listings >= m.awaited {
		close(m.reached)
		m.reached = nil
	}
	return m.gate
}

// shut holds listings up until open is called.
func (m *meter) shut() (open func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gate := make(chan struct{})
	m.gate = gate
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.gate = nil
		close(gate)
	}
}

// after is closed when n more listings have been asked for.
func (m *meter) after(n int) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reached, m.awaited = make(chan struct{}), m.listings+n
	return m.reached
}

// total is the number of requests, and of connections, until now.
func (m *meter) total() (requests, connections int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.requests, len(m.connections)
}
