// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/up"
	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/config"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// often is the interval of the tests: short, for they wait for what comes of it.
const often = 30 * time.Millisecond

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count is how many lines have all the words.
func (l *lines) count(words ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for line := range strings.SplitSeq(l.text.String(), "\n") {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all && line != "" {
			n++
		}
	}
	return n
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// world is a data folder, and the services over it.
type world struct {
	*testing.T
	dir      string
	log      *lines
	services *up.Running
	markers  int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := &world{T: t, dir: t.TempDir(), log: &lines{}}
	t.Cleanup(w.stop)
	return w
}

// start starts the services, which follow the manifests.
func (w *world) start(manifests string, changes ...func(*up.Options)) {
	w.Helper()
	options := up.Options{Common: config.Defaults(), Manifests: manifests, LogOutput: w.log, Following: up.Following{Interval: often}}
	options.Common.DataDir = w.dir
	for _, change := range changes {
		change(&options)
	}
	// A program that a test's Git server starts has the store's lock as well, for the moment between its fork and its exec.
	w.await("the start", func() error {
		services, err := up.Start(w.Context(), options)
		if err != nil && !strings.Contains(err.Error(), "in use by another process") {
			w.Fatal(err)
		}
		w.services = services
		return err
	})
}

func (w *world) stop() {
	if w.services == nil {
		return
	}
	if err := w.services.Stop(); err != nil && !errors.Is(err, context.Canceled) {
		w.Errorf("stop: %v", err)
	}
	w.services = nil
	if w.Failed() {
		w.Log(w.log.String())
	}
}

func (w *world) conn() grpc.ClientConnInterface { return w.services.Conn }

// await waits until look has nothing to complain of.
func (w *world) await(what string, look func() error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := look()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			w.Fatalf("waiting for %s: %v\n%s", what, err, w.log)
		}
	}
}

// awaitLine waits for a line with all the words beyond the first n.
func (w *world) awaitLine(n int, words ...string) {
	w.Helper()
	w.await(strings.Join(words, " … "), func() error {
		if got := w.log.count(words...); got <= n {
			return fmt.Errorf("%d lines", got)
		}
		return nil
	})
}

func (w *world) policy(name string) (*resolverv1.ImagePolicy, error) {
	namespace := ""
	if before, after, found := strings.Cut(name, "/"); found {
		namespace, name = before, after
	}
	object, err := kinds.ImagePolicy().Get(w.Context(), w.conn(), namespace, name)
	if err != nil {
		return nil, err
	}
	return object.(*resolverv1.ImagePolicy), nil
}

// awaitPolicy waits until the policy has the range, and the manager where one is given.
func (w *world) awaitPolicy(name, semver, manager string) {
	w.Helper()
	w.await(name+" at "+semver, func() error {
		p, err := w.policy(name)
		if err != nil {
			return err
		}
		got := p.GetSpec().GetPolicy().GetSemver().GetRange()
		if got != semver || (manager != "" && p.GetMetadata().GetManagedBy() != manager) {
			return fmt.Errorf("range %q, managed by %q", got, p.GetMetadata().GetManagedBy())
		}
		return nil
	})
}

func (w *world) awaitGone(name string) {
	w.Helper()
	w.await("the end of "+name, func() error {
		_, err := w.policy(name)
		if errors.Is(err, rpcerr.ErrNotFound) {
			return nil
		}
		return fmt.Errorf("there it is: %w", err)
	})
}

// settled waits until the manifests have been made so once more: a marker is put there and comes, and another one.
func (w *world) settled(put func(name, text string)) {
	w.Helper()
	for range 2 {
		w.markers++
		semver := fmt.Sprintf("%d.x", w.markers)
		put("marker.yaml", policy("marker", semver))
		w.awaitPolicy("marker", semver, "")
	}
}

// byHand applies what somebody would.
func (w *world) byHand(name, semver string, more ...func(*resolverv1.ImagePolicy)) {
	w.Helper()
	object := &resolverv1.ImagePolicy{
		Metadata: &metav1.ObjectMeta{Name: name, Namespace: "flux-system"},
		Spec: &resolverv1.ImagePolicySpec{
			ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: "app"},
			Policy:             &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{Semver: &resolverv1.SemVerPolicy{Range: semver}}},
		},
	}
	for _, change := range more {
		change(object)
	}
	if _, _, err := kinds.ImagePolicy().Apply(w.Context(), w.conn(), object, "apply:alice@laptop"); err != nil {
		w.Fatal(err)
	}
}

// policy is a manifest.
func policy(name, semver string, metadata ...string) string {
	return fmt.Sprintf(`---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: %s%s}
spec:
  imageRepositoryRef: {name: app}
  policy: {semver: {range: %s}}
`, name, strings.Join(append([]string{""}, metadata...), ", "), semver)
}

// put writes a file in one step, as nobody is to read half of it.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}
