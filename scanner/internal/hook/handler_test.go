// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
)

// routed are hooks with one path, `/hook/x`, and nothing that runs.
func routed(t *testing.T, want func(context.Context, []object.Key, string) error) *Hooks {
	t.Helper()
	h, err := New(Config{Telemetry: grpctest.Telemetry(t, nil), Want: want})
	if err != nil {
		t.Fatal(err)
	}
	r := &scannerv1.Receiver{Spec: &scannerv1.ReceiverSpec{
		Type: scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, SecretRef: &metav1.LocalObjectReference{Name: "webhook"},
	}}
	made, err := receiver.Compile(r.GetSpec(), receiver.Credential{Token: []byte("x")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	paths := routes{}
	paths.add("/hook/x", &route{object: r, receiver: made, gate: newGate()})
	h.routes.Store(&paths)
	return h
}

func post(t *testing.T, h *Hooks, method string, body io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	h.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, "/hook/x", body))
	return answer
}

func TestAPathHasARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := routed(t, func(context.Context, []object.Key, string) error { return nil })
		for range pathBurst {
			if got := post(t, h, http.MethodPost, nil).Code; got != http.StatusOK {
				t.Fatalf("answer %d", got)
			}
		}
		answer := post(t, h, http.MethodPost, nil)
		if answer.Code != http.StatusTooManyRequests || answer.Header().Get("Retry-After") == "" {
			t.Errorf("answer %d, %v", answer.Code, answer.Header())
		}
	})
}

func TestWhatCouldNotBeWrittenDownIsNotAccepted(t *testing.T) {
	h := routed(t, func(context.Context, []object.Key, string) error { return errors.New("the store is away") })
	if got := post(t, h, http.MethodPost, nil).Code; got != http.StatusServiceUnavailable {
		t.Errorf("answer %d", got)
	}
}

func TestOnlyAPostIsAWebhook(t *testing.T) {
	h := routed(t, func(context.Context, []object.Key, string) error { t.Error("accepted"); return nil })
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
		if got := post(t, h, method, nil).Code; got != http.StatusMethodNotAllowed {
			t.Errorf("%s is answered with %d", method, got)
		}
	}
}

func TestSlowCallersOfAPathLeaveRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := routed(t, func(context.Context, []object.Key, string) error { return nil })
		h.routes.Load().add("/hook/y", &route{
			object: &scannerv1.Receiver{}, receiver: h.routes.Load().must(t, "/hook/x").receiver, gate: newGate(),
		})
		body, feed := io.Pipe()
		for range 2 * concurrency {
			go post(t, h, http.MethodPost, body)
		}
		synctest.Wait()
		answer := httptest.NewRecorder()
		h.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hook/y", strings.NewReader("")))
		if answer.Code != http.StatusOK {
			t.Errorf("answer %d", answer.Code)
		}
		if err := feed.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func (r routes) must(t *testing.T, path string) *route {
	t.Helper()
	found, ok := r.find(path)
	if !ok {
		t.Fatalf("there is no path %s", path)
	}
	return found
}
