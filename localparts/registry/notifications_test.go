// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/localparts/registry"
)

func TestAPushIsNotified(t *testing.T) {
	tags := make(chan string, 100)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer secret" {
			t.Errorf("Authorization: %q", got)
		}
		var envelope struct {
			Events []struct {
				Target struct{ Tag string }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&envelope); err != nil {
			t.Error(err)
		}
		for _, event := range envelope.Events {
			if event.Target.Tag != "" {
				tags <- event.Target.Tag
			}
		}
	}))
	defer sink.Close()
	r, err := registry.Start(registry.Config{Notifications: &registry.Notifications{URL: sink.URL, Token: "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := r.Push(t.Context(), "team/app", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	select {
	case tag := <-tags:
		if tag != "1.0.0" {
			t.Errorf("tag %q was notified", tag)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing was notified")
	}
}
