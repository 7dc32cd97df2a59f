// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"net/http"
	"slices"
	"testing"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
)

func TestATagThatAWebhookNamesIsLookedAt(t *testing.T) {
	h := startHooked(t)
	r := startRegistry(t, localregistry.Config{})
	r.madeAt("app", "stable", "2025-01-01T00:00:00Z")
	h.apply(repository("app", r.Host()+"/app", unscheduled()))
	h.settled("app", found(1))
	at := h.ready(aReceiver("push", scannerv1.ReceiverType_RECEIVER_TYPE_QUAY, "app"))
	head := func() *scannerv1.TagSetHead { return h.list(&scannerv1.ListTagsRequest{Name: "app"}).GetHead() }
	had := head()
	notify := func() {
		t.Helper()
		body := `{"repository":"org/app","namespace":"org","name":"app","docker_url":"` + r.Host() + `/app","updated_tags":["stable","no tag!"]}`
		if got := h.post(at, body); got != http.StatusOK {
			t.Fatalf("answered %d", got)
		}
		h.waitRequests(0)
	}
	for _, created := range []string{"2025-02-01T00:00:00Z", "2025-03-01T00:00:00Z"} {
		pushed := r.madeAt("app", "stable", created)
		notify()
		delta, err := h.stream(&scannerv1.StreamTagsRequest{Repository: ref("app"), HaveUid: had.GetUid(), HaveRevision: had.GetRevision()})
		if err != nil || !slices.Equal(names(delta.added), []string{"stable"}) || delta.added[0].GetDigest() != pushed ||
			!slices.Equal(delta.head.GetMoved(), []string{"stable"}) {
			t.Errorf("after the push: %+v, %v", delta, err)
		}
		had = delta.head
	}
	notify() // a replay
	if now := head(); now.GetRevision() != had.GetRevision() {
		t.Errorf("a replay brought a new revision: %v", now)
	}
}
