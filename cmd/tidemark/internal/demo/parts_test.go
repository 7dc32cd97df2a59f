// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tidemark-io/tidemark/localparts/registry"
)

// lines is an output that others wait for.
type lines struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan struct{}
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(text)
	if bytes.Contains(text, []byte("ready")) {
		close(l.ready)
	}
	return len(text), nil
}

func TestPartsRunUntilTheirContextEndsAndKeepWhatWasPushed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for life := range 2 {
		ctx, end := context.WithCancel(t.Context())
		out, ended := &lines{ready: make(chan struct{})}, make(chan error, 1)
		options := partsOptions{dir: dir, registryListen: freePort, gitListen: freePort}
		go func() { ended <- runParts(ctx, options, out) }()
		select {
		case <-out.ready:
		case err := <-ended:
			end()
			t.Fatalf("life %d: %v", life, err)
		}
		host := strings.Fields(out.text.String())[5]
		if err := push(ctx, []string{host + "/acme/web:1.0.0"}, "", out); err != nil {
			t.Errorf("life %d: push: %v", life, err)
		}
		end()
		if err := <-ended; err != nil {
			t.Errorf("life %d ended with %v", life, err)
		}
		tag := filepath.Join(dir, "registry", "docker/registry/v2/repositories/acme/web/_manifests/tags/1.0.0")
		if _, err := os.Stat(tag); err != nil {
			t.Errorf("life %d: the tag is not kept: %v", life, err)
		}
	}
}

func TestPartsWithoutAFolderOrOnATakenAddressFail(t *testing.T) {
	t.Parallel()
	if err := runParts(t.Context(), partsOptions{}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("without a folder: %v", err)
	}
	taken := httptest.NewServer(nil)
	defer taken.Close()
	options := partsOptions{dir: t.TempDir(), registryListen: freePort, gitListen: taken.Listener.Addr().String()}
	if err := runParts(t.Context(), options, &bytes.Buffer{}); err == nil {
		t.Error("a taken address is no error")
	}
}

func TestPushSendsNothingWhenAReferenceIsWrongAndMovesATagWithAnotherBuild(t *testing.T) {
	t.Parallel()
	images, err := registry.Start(registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := images.Close(); err != nil {
			t.Error(err)
		}
	})
	good := images.Host() + "/acme/web:latest"
	for _, wrong := range []string{"", "acme/web", images.Host() + "/acme/web", images.Host() + "/ACME:1"} {
		var out bytes.Buffer
		if err := push(t.Context(), []string{good, wrong}, "", &out); err == nil || out.Len() > 0 {
			t.Errorf("%q: error %v, output %q", wrong, err, out.String())
		}
	}
	if err := push(t.Context(), nil, "", &bytes.Buffer{}); err == nil {
		t.Error("no reference is no error")
	}
	digests := map[string]bool{}
	for _, build := range []string{"", "", "2", "2"} {
		var out bytes.Buffer
		if err := push(t.Context(), []string{good}, build, &out); err != nil {
			t.Fatal(err)
		}
		digests[out.String()] = true
	}
	if len(digests) != 2 {
		t.Errorf("two builds have %d digests: %v", len(digests), digests)
	}
}
