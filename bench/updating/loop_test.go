// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/dial"
)

const (
	// loopRounds is how often each webhook is called; between two of them scans are requested so often.
	loopRounds         = 12
	requestsPerWebhook = 6
	// apart is how long after a webhook's scan the next webhook begins another one at once: those that come sooner gather.
	apart = 2100 * time.Millisecond
	// imageRepository is the repository in the registry.
	imageRepository = "team/app"
	hookToken       = "an-unguessable-token"
)

// loop is Tidemark with a registry and a Git repository around it.
type loop struct {
	*deployment
	registry *registry.Registry
	remote   *remote
	size     size
	scanner  scannerv1.ImageRepositoryServiceClient
	tags     int // pushed so far
}

// BenchmarkLoop goes the whole way, from a call's arrival to the commit in the remote: the scan of a real registry, the
// choice, the watches between the services, the fetch, the edit and the push. The calls are a webhook and
// ScanImageRepository; the tag is in the registry already, and nothing happened for a moment before. In one-file the
// repository has one file, in 20000-files-one-marked it has 20,000 of which one is marked, in 20000-files-1000-marked one
// policy has 1,000 of them. Tidemark is one process (up) or three (trio); the memory is of the process with the updater.
func BenchmarkLoop(b *testing.B) {
	for _, start := range deployments() {
		for _, repository := range []struct {
			name string
			size size
		}{
			{"one-file", size{files: 1, marked: 1, policies: 1}},
			{"20000-files-one-marked", large(b, 1, 1)},
			{"20000-files-1000-marked", large(b, 1000, 1)},
		} {
			b.Run(start.name+"/"+repository.name, func(b *testing.B) {
				var webhook, request rounds
				l := startLoop(b, start, repository.size)
				n := number(b, roundsVariable, loopRounds)
				for b.Loop() {
					l.measure(b, n, &webhook, &request)
				}
				b.ReportMetric(0, "ns/op") // a round's time says nothing
				webhook.report(b, "webhook")
				request.report(b, "request")
				if peak := l.peak(); peak > 0 {
					b.ReportMetric(float64(peak)/(1<<20), "peak-rss-MiB")
				}
				l.stop(b)
				l.steps.log(b, "webhook", webhook.when)
				l.steps.log(b, "request", request.when)
			})
		}
	}
}

func (l *loop) measure(tb testing.TB, n int, webhook, request *rounds) {
	tb.Helper()
	for range n {
		quiet := time.After(apart)
		for range requestsPerWebhook {
			request.round(tb, l.remote, l.size, l.push(tb), func(string) { l.scan(tb) })
		}
		<-quiet
		webhook.round(tb, l.remote, l.size, l.push(tb), func(string) { l.callHook(tb) })
	}
}

// startLoop starts all parts, and waits for the first commit.
func startLoop(tb testing.TB, kind deploymentKind, s size) *loop {
	tb.Helper()
	l := &loop{size: s}
	var err error
	if l.registry, err = registry.Start(registry.Config{}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := l.registry.Close(); err != nil {
			tb.Error(err)
		}
	})
	image := l.registry.Host() + "/" + imageRepository
	l.remote = newRemote(tb, startGit(tb), "gitops.git", repositoryFiles(s, image))
	l.push(tb)
	secrets := tb.TempDir()
	if err := os.MkdirAll(filepath.Join(secrets, namespace, "hook"), 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(secrets, namespace, "hook", "token"), []byte(hookToken), 0o600); err != nil {
		tb.Fatal(err)
	}
	l.deployment = kind.start(tb, secrets)
	conn, err := dial.Dial(tb.Context(), l.scannerAddress, dial.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	l.scanner = scannerv1.NewImageRepositoryServiceClient(conn)
	before := l.remote.tip(tb)
	apply(tb, l.servers, imageManifests(image), sourceManifest("gitops", l.remote.url()), updateManifest("gitops"))
	l.remote.awaitCommit(tb, before)
	l.remote.changed(tb, s.changing(), tag(1))
	time.Sleep(time.Second) // what the first run leaves to do is done
	return l
}

// push pushes the next tag, and returns it.
func (l *loop) push(tb testing.TB) string {
	tb.Helper()
	l.tags++
	if err := l.registry.Push(tb.Context(), imageRepository, tag(l.tags)); err != nil {
		tb.Fatal(err)
	}
	return tag(l.tags)
}

// callHook calls the webhook; its answer is not waited for, the commit is.
func (l *loop) callHook(tb testing.TB) {
	tb.Helper()
	sum := sha256.Sum256([]byte(hookToken + "registry" + namespace))
	url := "http://" + l.hookAddress + "/hook/" + hex.EncodeToString(sum[:])
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		tb.Fatal(err)
	}
	l.beside(tb, func() error {
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("calling the webhook: %w", err)
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("the webhook answers %s", response.Status)
		}
		return response.Body.Close()
	})
}

// scan asks for a scan; its answer is not waited for, the commit is.
func (l *loop) scan(tb testing.TB) {
	tb.Helper()
	l.beside(tb, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), patience)
		defer cancel()
		_, err := l.scanner.ScanImageRepository(ctx, &scannerv1.ScanImageRepositoryRequest{Namespace: namespace, Name: imageName})
		return err
	})
}

// beside does something while the commit is awaited; the benchmark does not end before it.
func (l *loop) beside(tb testing.TB, do func() error) {
	tb.Helper()
	l.calls.Go(func() {
		if err := do(); err != nil {
			tb.Error(err)
		}
	})
}

// imageName is the ImageRepository's name.
const imageName = "app"

func imageManifests(image string) string {
	return fmt.Sprintf(`apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: %[1]s}
spec: {image: %[2]s, interval: 1h}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: %[3]s}
spec:
  imageRepositoryRef: {name: %[1]s}
  policy: {semver: {range: 1.x}}
---
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: registry}
spec:
  type: generic
  secretRef: {name: hook}
  resources: [{kind: ImageRepository, name: %[1]s}]
`, imageName, image, policyName(0))
}

func TestTheWholeWayIsGoneForEachCall(t *testing.T) {
	for _, kind := range deployments() {
		t.Run(kind.name, func(t *testing.T) {
			var webhook, request rounds
			l := startLoop(t, kind, size{files: 40, marked: 10, policies: 1})
			l.measure(t, 1, &webhook, &request)
			l.stop(t)
			if webhook.took.median() <= 0 || request.took.median() <= 0 || l.tags != 2+requestsPerWebhook {
				t.Errorf("took %v and %v with %d tags", webhook.took, request.took, l.tags)
			}
		})
	}
}
