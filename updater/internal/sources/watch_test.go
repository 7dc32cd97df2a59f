// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package sources

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/updater/internal/remotes"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// alone owns everything, or nothing.
type alone bool

func (a alone) Owns(string) bool         { return bool(a) }
func (a alone) Changed() <-chan struct{} { return nil }

// scene is a watch that runs over real parts.
type scene struct {
	*Watch
	*remotes.Pool
	secrets secret.Memory
	told    chan object.Key
	forgot  chan object.Key
}

// Forget is the pool's.
func (s *scene) Forget(source object.Key) {
	s.Pool.Forget(source)
	s.forgot <- source
}

func start(t *testing.T, owner Ownership) *scene {
	t.Helper()
	logger := grpctest.Telemetry(t, nil).Logger()
	repositories := state.NewRepositories(storetest.Open(t), logger)
	s := &scene{told: make(chan object.Key, 100), forgot: make(chan object.Key, 1)}
	s.Pool = remotes.New(t.TempDir(), &s.secrets)
	s.Watch = NewWatch(New(repositories, logger), s, owner, noop.NewTracerProvider().Tracer(""))
	s.secretsEvery = 10 * time.Millisecond
	s.SecretChanged = func(source object.Key) { s.told <- source }
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = repositories.Run(ctx) }) // the context's end
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		_ = s.Close()
	})
	return s
}

func (s *scene) apply(t *testing.T, url, secretName string) *updaterv1.GitRepository {
	t.Helper()
	r := &updaterv1.GitRepository{
		Metadata: &metav1.ObjectMeta{Name: "app", Namespace: "apps"},
		Spec: &updaterv1.GitRepositorySpec{
			Url: url, Interval: durationpb.New(time.Hour), SecretRef: &metav1.LocalObjectReference{Name: secretName},
		},
	}
	applied, _, err := s.repositories.Apply(t.Context(), r, object.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

func (s *scene) set(t *testing.T, name, token string) {
	t.Helper()
	if err := s.secrets.Set("apps", name, secret.Secret{"bearerToken": []byte(token)}); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for the Ready condition's words.
func (s *scene) eventually(t *testing.T, words string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		r, err := s.repositories.Get(t.Context(), object.KeyOf("apps", "app"))
		if err != nil {
			t.Fatal(err)
		}
		ready := conditions.Ready(r.GetStatus())
		if strings.Contains(ready.GetMessage(), words) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%q never came; it says %q", words, ready.GetMessage())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (s *scene) isTold(t *testing.T) {
	t.Helper()
	select {
	case source := <-s.told:
		if source != object.KeyOf("apps", "app") {
			t.Errorf("told of %s", source)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nobody was told")
	}
}

func gitServer(t *testing.T) string {
	t.Helper()
	server, err := gitserver.Start(t.Context(), gitserver.Config{Dir: t.TempDir(), Token: "right"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if err := server.CreateRepository("app.git", "main", map[string]string{"a": "b"}); err != nil {
		t.Fatal(err)
	}
	return server.RepositoryURL("app.git")
}

func TestASecretThatComesOrChangesMakesALookAndIsTold(t *testing.T) {
	s := start(t, alone(true))
	s.apply(t, gitServer(t), "token")
	s.eventually(t, "there is no secret 'apps/token'")
	s.set(t, "token", "wrong")
	s.isTold(t)
	s.eventually(t, "refused the credential")
	s.set(t, "token", "right")
	s.isTold(t)
	s.eventually(t, "stored artifact for revision 'main@sha1:")
	if len(s.told) != 0 {
		t.Error("a change was told twice")
	}
}

func TestWhoIsNotTheSourcesOwnerIsToldOfWhatItOpened(t *testing.T) {
	s := start(t, alone(false))
	s.set(t, "token", "wrong")
	r := s.apply(t, gitServer(t), "token")
	_, release, err := s.Open(t.Context(), r) // as a run does
	if err != nil {
		t.Fatal(err)
	}
	release()
	s.set(t, "token", "right")
	s.isTold(t)
	if err := s.repositories.Delete(t.Context(), object.KeyOf("apps", "app")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.forgot:
	case <-time.After(20 * time.Second):
		t.Fatal("a deleted source is remembered")
	}
}
