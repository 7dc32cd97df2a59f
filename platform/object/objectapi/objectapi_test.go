// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package objectapi_test

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

type repository = *scannerv1.ImageRepository

func opened(t *testing.T) *object.Store[repository] {
	t.Helper()
	s := object.NewStore(storetest.Open(t).Scoped("scanner"), object.Kind[repository]{
		Plural: "imagerepositories", Noun: "ImageRepository", New: func() repository { return &scannerv1.ImageRepository{} },
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

func applyRequest(name string) *scannerv1.ApplyImageRepositoryRequest {
	return &scannerv1.ApplyImageRepositoryRequest{ImageRepository: &scannerv1.ImageRepository{
		Metadata: &metav1.ObjectMeta{Name: name},
		Spec:     &scannerv1.ImageRepositorySpec{Image: "ghcr.io/stefanprodan/podinfo"},
	}}
}

func TestRequestsOfAKindAreServed(t *testing.T) {
	s := opened(t)
	for _, name := range []string{"a", "b"} {
		req := applyRequest(name)
		stored, outcome, err := objectapi.Apply(t.Context(), s, req.GetImageRepository(), req)
		if err != nil || outcome != metav1.ApplyOutcome_APPLY_OUTCOME_CREATED || stored.GetMetadata().GetManagedBy() != "api" {
			t.Fatalf("apply %s: %v, %v, %v", name, stored, outcome, err)
		}
	}
	got, err := objectapi.Get(t.Context(), s, &scannerv1.GetImageRepositoryRequest{Name: "a"})
	if err != nil || got.GetMetadata().GetName() != "a" {
		t.Errorf("get: %v, %v", got, err)
	}
	page, next, err := objectapi.List(t.Context(), s, &scannerv1.ListImageRepositoriesRequest{PageSize: 1})
	if err != nil || len(page) != 1 || next == "" {
		t.Errorf("a page: %v, %q, %v", page, next, err)
	}
	page, next, err = objectapi.List(t.Context(), s, &scannerv1.ListImageRepositoriesRequest{PageSize: 0, PageToken: next})
	if err != nil || len(page) != 1 || next != "" {
		t.Errorf("the rest: %v, %q, %v", page, next, err)
	}
	if err := objectapi.Delete(t.Context(), s, &scannerv1.DeleteImageRepositoryRequest{Name: "a"}); err != nil {
		t.Error(err)
	}
	if err := objectapi.Delete(t.Context(), s, &scannerv1.DeleteImageRepositoryRequest{Name: "a"}); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

// build is what a service's adapter has; it leaves the object `hidden` out.
func build(event object.Event[repository]) *scannerv1.WatchImageRepositoriesResponse {
	resp := &scannerv1.WatchImageRepositoriesResponse{ResumeToken: event.ResumeToken}
	switch {
	case event.Changed.GetMetadata().GetName() == "hidden":
		return nil
	case event.Changed != nil:
		resp.Event = &scannerv1.WatchImageRepositoriesResponse_Changed{Changed: event.Changed}
	case event.Deleted != nil:
		resp.Event = &scannerv1.WatchImageRepositoriesResponse_Deleted{Deleted: objectapi.Deleted(event)}
	default:
		resp.Event = &scannerv1.WatchImageRepositoriesResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
	}
	return resp
}

func TestWatchSendsUntilSendingFails(t *testing.T) {
	s := opened(t)
	apply := func(name string) {
		req := applyRequest(name)
		if _, _, err := objectapi.Apply(t.Context(), s, req.GetImageRepository(), req); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	enough := errors.New("enough")
	var seen []string
	err := objectapi.WatchRequested(ctx, s, &scannerv1.WatchImageRepositoriesRequest{}, func(resp *scannerv1.WatchImageRepositoriesResponse) error {
		switch {
		case resp.GetChanged() != nil:
			seen = append(seen, "+"+resp.GetChanged().GetMetadata().GetName())
			if err := objectapi.Delete(ctx, s, &scannerv1.DeleteImageRepositoryRequest{Name: "a"}); err != nil {
				return err
			}
		case resp.GetDeleted() != nil:
			seen = append(seen, "-"+resp.GetDeleted().GetName())
			return enough
		case len(seen) == 0:
			seen = append(seen, ".")
			apply("hidden")
		default:
			seen = append(seen, ".") // instead of the hidden object, whose token is not to be lost
			apply("a")
		}
		if resp.GetResumeToken() == "" {
			t.Errorf("no token with %s", seen[len(seen)-1])
		}
		return nil
	}, build)
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if got := len(seen); got != 4 || seen[2] != "+a" || seen[3] != "-a" {
		t.Errorf("sent %v", seen)
	}
}
