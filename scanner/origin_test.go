// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

// origin waits until the repository has the tag, and returns which scan first saw it. What every origin says is checked: its
// time is the tag's first-seen time.
func (s *service) origin(name, tag string) *scannerv1.TagOrigin {
	s.t.Helper()
	var got *scannerv1.Tag
	s.eventually(name+":"+tag, func() bool {
		resp, err := s.tags.GetTag(s.t.Context(), &scannerv1.GetTagRequest{
			Name: name, Tag: tag, Metadata: []scannerv1.TagMetadata{scannerv1.TagMetadata_TAG_METADATA_PUSHED},
		})
		got = resp.GetTag()
		return err == nil
	}, func() any { return got })
	if origin := got.GetOrigin(); origin != nil && !origin.GetTime().AsTime().Equal(got.GetFirstSeenTime().AsTime()) {
		s.t.Errorf("%s: the scan ended at %v, the tag was first seen at %v", tag, origin.GetTime().AsTime(), got.GetFirstSeenTime().AsTime())
	}
	return got.GetOrigin()
}

func (s *service) wantOrigin(name, tag string, trigger scannerv1.ScanTrigger, receiver string) {
	s.t.Helper()
	got := s.origin(name, tag)
	if got.GetTrigger() != trigger || got.GetReceiver() != receiver || len(got.GetTraceId()) != 32 {
		s.t.Errorf("the origin of %s:%s is %v, want %v by %q", name, tag, got, trigger, receiver)
	}
}

func TestTheScanThatFirstSawATagIsKnown(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	secrets := &secret.Memory{}
	setToken(t, secrets, "webhook", hookToken)
	dir := t.TempDir()
	st, closeStore := storetest.OpenDir(t, dir)
	h := startHookedOn(t, st, secrets, listenHooks(t))
	r.push("app", "1.0.0")
	h.apply(repository("app", r.Host()+"/app"))
	h.settled("app", found(1))
	at := h.ready(aReceiver("registry", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, "app"))

	r.push("app", "1.1.0")
	h.mustScan("app")
	r.push("app", "1.2.0")
	if status := h.post(at, "{}"); status != http.StatusOK {
		t.Fatalf("the webhook was answered with %d", status)
	}
	h.wantOrigin("app", "1.2.0", scannerv1.ScanTrigger_SCAN_TRIGGER_WEBHOOK, "flux-system/registry")
	r.push("app", "1.3.0")
	h.apply(repository("app", r.Host()+"/app", interval(time.Second)))
	h.wantOrigin("app", "1.3.0", scannerv1.ScanTrigger_SCAN_TRIGGER_SPEC, "")
	r.push("app", "1.4.0")
	h.wantOrigin("app", "1.4.0", scannerv1.ScanTrigger_SCAN_TRIGGER_INTERVAL, "")

	all := func(s *service) {
		s.wantOrigin("app", "1.0.0", scannerv1.ScanTrigger_SCAN_TRIGGER_FIRST, "")
		s.wantOrigin("app", "1.1.0", scannerv1.ScanTrigger_SCAN_TRIGGER_REQUEST, "")
		s.wantOrigin("app", "1.2.0", scannerv1.ScanTrigger_SCAN_TRIGGER_WEBHOOK, "flux-system/registry")
		s.wantOrigin("app", "1.3.0", scannerv1.ScanTrigger_SCAN_TRIGGER_SPEC, "")
		s.wantOrigin("app", "1.4.0", scannerv1.ScanTrigger_SCAN_TRIGGER_INTERVAL, "")
	}
	all(h.service)
	h.stop()
	closeStore()
	st, closeStore = storetest.OpenDir(t, dir)
	defer closeStore()
	s := startOn(t, st, &secret.Memory{})
	defer s.stop()
	all(s)

	r.push("other", "1.0.0", "2.0.0")
	s.apply(repository("app", r.Host()+"/other"))
	s.wantOrigin("app", "2.0.0", scannerv1.ScanTrigger_SCAN_TRIGGER_FIRST, "")
	s.delete("app")
	if keys := s.keys("/scanner/tagorigins/"); len(keys) != 0 {
		t.Errorf("left after the deletion: %q", keys)
	}
}

func TestTheRetryThatFirstSawATagIsKnown(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app", interval(time.Second)))
	s.settled("app", found(1))
	r.refuses.Store(http.StatusForbidden)
	s.settled("app", func(r *scannerv1.ImageRepository) bool { return !isReady(r) })
	r.push("app", "1.1.0")
	r.refuses.Store(0)
	s.wantOrigin("app", "1.1.0", scannerv1.ScanTrigger_SCAN_TRIGGER_RETRY, "")
}

func TestOnlyTheLastOriginsAreKept(t *testing.T) {
	const scans = 300
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "v0")
	image, err := localregistry.Image("app", "v0")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t)
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(1))
	for i := 1; i < scans; i++ {
		if err := r.PushImage(t.Context(), "app", fmt.Sprint("v", i), image); err != nil {
			t.Fatal(err)
		}
		s.mustScan("app")
		if i == scans/2 {
			s.mustScan("app") // one that finds nothing takes nobody's place
		}
	}
	for i, want := range map[int]bool{0: false, scans - 201: false, scans - 200: true, scans - 1: true} {
		if got := s.origin("app", fmt.Sprint("v", i)); (got != nil) != want || want && got.GetTrigger() != scannerv1.ScanTrigger_SCAN_TRIGGER_REQUEST {
			t.Errorf("the origin of the %dth scan's tag is %v", i, got)
		}
	}
	resp, err := s.store.Client().Get(t.Context(), s.store.Prefix()+"/scanner/tagorigins/", clientv3.WithPrefix())
	if err != nil || len(resp.Kvs) != 1 || len(resp.Kvs[0].GetValue()) > 6<<10 {
		t.Errorf("%d keys, %v", len(resp.Kvs), err)
	}
}

func TestAStoreWithoutOriginsIsTakenAsItIs(t *testing.T) {
	for name, leave := range map[string]string{"none": "", "damaged": "damaged"} {
		t.Run(name, func(t *testing.T) {
			r := startRegistry(t, localregistry.Config{})
			r.push("app", "1.0.0")
			s := start(t)
			s.apply(repository("app", r.Host()+"/app"))
			s.settled("app", found(1))
			key := s.keys("/scanner/tagorigins/")[0]
			_, err := s.store.Client().Delete(t.Context(), key)
			if leave != "" {
				_, err = s.store.Client().Put(t.Context(), key, leave)
			}
			if err != nil {
				t.Fatal(err)
			}
			r.push("app", "1.1.0")
			s.mustScan("app")
			if got := s.origin("app", "1.0.0"); got != nil {
				t.Errorf("the origin of an old tag is %v", got)
			}
			s.wantOrigin("app", "1.1.0", scannerv1.ScanTrigger_SCAN_TRIGGER_REQUEST, "")
		})
	}
}
