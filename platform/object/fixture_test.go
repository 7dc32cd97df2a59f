// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

// soon bounds what should happen at once, generously for slow machines.
const soon = 20 * time.Second

type (
	repository   = *scannerv1.ImageRepository
	repositories = object.Store[repository]
)

func newRepositories(st *store.Store, opts ...object.Option) *repositories {
	return object.NewStore(st.Scoped("scanner"), object.Kind[repository]{
		Plural: "imagerepositories",
		Noun:   "ImageRepository",
		New:    func() repository { return &scannerv1.ImageRepository{} },
	}, opts...)
}

// running starts the store's cache and waits for it; stop ends it and is called when the test ends, too.
func running(t *testing.T, st *store.Store, opts ...object.Option) (s *repositories, stop func()) {
	t.Helper()
	s = newRepositories(st, opts...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	select {
	case <-s.Ready():
	case <-time.After(soon):
		t.Fatal("the cache is not ready")
	}
	return s, stop
}

func opened(t *testing.T, opts ...object.Option) *repositories {
	t.Helper()
	s, _ := running(t, storetest.Open(t), opts...)
	return s
}

func repo(name, image string, labels ...string) repository {
	r := &scannerv1.ImageRepository{
		Metadata: &metav1.ObjectMeta{Name: name},
		Spec:     &scannerv1.ImageRepositorySpec{Image: image},
	}
	for i := 0; i < len(labels); i += 2 {
		if r.Metadata.Labels == nil {
			r.Metadata.Labels = map[string]string{}
		}
		r.Metadata.Labels[labels[i]] = labels[i+1]
	}
	return r
}

func key(name string) object.Key { return object.KeyOf("", name) }

func apply(t *testing.T, s *repositories, r repository) repository {
	t.Helper()
	stored, _, err := s.Apply(t.Context(), r, object.ApplyOptions{Manager: "test"})
	if err != nil {
		t.Fatalf("applying %s: %v", r.GetMetadata().GetName(), err)
	}
	return stored
}

func setGeneration(generation int64) func(repository) error {
	return func(r repository) error {
		r.Status = &scannerv1.ImageRepositoryStatus{ObservedGeneration: generation}
		return nil
	}
}

func subscribe(t *testing.T, s *repositories, f object.Filter, token string) *object.Subscription[repository] {
	t.Helper()
	sub, err := s.Subscribe(t.Context(), f, token)
	if err != nil {
		t.Fatalf("subscribing: %v", err)
	}
	return sub
}

func next(t *testing.T, sub *object.Subscription[repository]) object.Event[repository] {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	event, err := sub.Next(ctx)
	if err != nil {
		t.Fatalf("next event: %v", err)
	}
	return event
}

// show writes an event in short: `+name image gen/observed`, `-name`, `.` for a checkpoint; `!` marks a token.
func show(e object.Event[repository]) string {
	text := "."
	switch {
	case e.Changed != nil:
		text = fmt.Sprintf("+%s %s %d/%d", e.Changed.GetMetadata().GetName(), e.Changed.GetSpec().GetImage(),
			e.Changed.GetMetadata().GetGeneration(), e.Changed.GetStatus().GetObservedGeneration())
	case e.Deleted != nil:
		text = "-" + e.Deleted.Name
	}
	if e.ResumeToken != "" {
		text += "!"
	}
	return text
}

// expect reads as many events as wanted and returns the last token seen.
func expect(t *testing.T, sub *object.Subscription[repository], want ...string) (token string) {
	t.Helper()
	for i, w := range want {
		event := next(t, sub)
		if got := show(event); got != w {
			t.Fatalf("event %d: got %q, want %q", i, got, w)
		}
		if event.ResumeToken != "" {
			token = event.ResumeToken
		}
	}
	return token
}
