// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/testing/protocmp"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

func (s *service) keys(prefix string) []string {
	s.t.Helper()
	resp, err := s.store.Client().Get(s.t.Context(), s.store.Prefix()+prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		s.t.Fatal(err)
	}
	var keys []string
	for _, kv := range resp.Kvs {
		keys = append(keys, string(kv.GetKey()))
	}
	return keys
}

func (s *service) chunkKeys() []string { return s.keys("/scanner/tagchunks/") }

func TestRestartRepeatsNothingAndForgetsNothing(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	r.push("other", "1.0.0")
	dir := t.TempDir()
	st, closeStore := storetest.OpenDir(t, dir)
	s := startOn(t, st, &secret.Memory{})
	s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(1))
	r.push("app", "1.1.0")
	s.mustScan("app")
	before, tagsBefore := s.get("app"), s.list(&scannerv1.ListTagsRequest{Name: "app"})
	// A process that died between the chunks and the head, and one that died as an object was deleted.
	for _, orphan := range []string{before.GetMetadata().GetUid() + "/00000000000000000000000000000000", "nobody/11111111111111111111111111111111"} {
		if _, err := st.Client().Put(t.Context(), st.Prefix()+"/scanner/tagchunks/"+orphan, "orphan"); err != nil {
			t.Fatal(err)
		}
	}
	s.stop()
	closeStore()

	listings := r.listings.Load()
	st, closeStore = storetest.OpenDir(t, dir)
	defer closeStore()
	s = startOn(t, st, &secret.Memory{})
	defer s.stop()
	s.eventually("orphans", func() bool { return len(s.chunkKeys()) == 1 }, func() any { return s.chunkKeys() })
	s.apply(repository("other", r.Host()+"/other")) // observed and scanned after the other
	s.settled("other", isReady)
	if n := r.listings.Load() - listings; n != 1 {
		t.Errorf("%d listings after the restart, want the new object's alone", n)
	}
	if diff := cmp.Diff(before, s.get("app"), protocmp.Transform()); diff != "" {
		t.Error("the object (-before +after):", diff)
	}
	if diff := cmp.Diff(tagsBefore, s.list(&scannerv1.ListTagsRequest{Name: "app"}), protocmp.Transform()); diff != "" {
		t.Error("the tags (-before +after):", diff)
	}
	r.push("app", "1.2.0")
	s.mustScan("app")
	tags := s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetTags()
	if diff := cmp.Diff(tagsBefore.GetTags(), tags[:2], protocmp.Transform()); diff != "" {
		t.Error("first-seen times after another scan (-before +after):", diff)
	}
}

func TestDeletedObjectLeavesNothingAndStartsAfresh(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	first := s.apply(repository("app", r.Host()+"/app"))
	s.settled("app", found(1))
	r.push("app", "1.1.0")
	s.mustScan("app")
	s.delete("app")
	if keys := append(s.chunkKeys(), s.keys("/scanner/imagerepositories/")...); len(keys) != 0 {
		t.Errorf("left after the deletion: %q", keys)
	}
	s.apply(repository("app", r.Host()+"/app"))
	got := s.settled("app", found(2))
	tags := s.list(&scannerv1.ListTagsRequest{Name: "app"})
	if got.GetMetadata().GetUid() == first.GetMetadata().GetUid() || !tags.GetTags()[1].GetInitial() {
		t.Errorf("the new object has the old one's past: %v, %v", got, tags)
	}
}

func TestObjectDeletedDuringItsScanLeavesNothing(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	arrived, release := r.hold()
	s.apply(repository("app", r.Host()+"/app"))
	<-arrived.arrived
	waiting := make(chan error, 1)
	s.delete("app")
	second := s.apply(repository("app", r.Host()+"/app"))
	go func() {
		_, err := s.scan("app")
		waiting <- err
	}()
	release()
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	s.settled("app", found(1))
	s.eventually("chunks", func() bool { return len(s.chunkKeys()) == 1 }, func() any { return s.chunkKeys() })
	if head := s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetHead(); head.GetUid() != second.GetMetadata().GetUid() {
		t.Errorf("head %v", head)
	}
}

func TestObjectsOfOneImageShareNothing(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0", "1.0.0-rc")
	s := start(t)
	s.apply(repository("one", r.Host()+"/app"))
	s.settled("one", found(2))
	s.apply(repository("two", r.Host()+"/app", func(r *scannerv1.ImageRepository) {
		r.Spec.ExclusionList = &scannerv1.ExclusionList{Patterns: []string{"rc"}}
	}))
	s.settled("two", found(1))
	r.push("app", "2.0.0")
	s.mustScan("two")
	s.settled("two", found(2))
	if got := s.get("one"); !found(2)(got) || got.GetStatus().GetLastScanResult().GetRevision() != checksum("1.0.0", "1.0.0-rc") {
		t.Errorf("the other's scan changed it: %v", got.GetStatus())
	}
	s.delete("two")
	if tags := s.list(&scannerv1.ListTagsRequest{Name: "one"}).GetTags(); len(tags) != 2 {
		t.Errorf("the other's deletion changed it: %v", tags)
	}
}

func TestRequestedScanBeginsAfterTheRequest(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	arrived, release := r.hold()
	s.apply(repository("app", r.Host()+"/app"))
	<-arrived.arrived // the first scan is under way
	var asking sync.WaitGroup
	for range 5 {
		asking.Go(func() {
			if resp, err := s.scan("app"); err != nil || resp.GetResult().GetTagCount() != 2 {
				t.Errorf("answered %v, %v", resp, err)
			}
		})
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.repositories.ScanImageRepository(canceled, &scannerv1.ScanImageRepositoryRequest{Name: "app"}); err == nil {
		t.Error("a cancelled request was answered")
	}
	r.push("app", "1.1.0")
	release()
	asking.Wait()
	if n := r.listings.Load(); n < 2 {
		t.Errorf("%d listings: the one under way was taken for the answer", n)
	}
}

func TestScanTimeAloneIsWrittenSeldom(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app", interval(10*time.Millisecond)))
	first := s.settled("app", found(1))
	before := s.revision()
	seen := r.listings.Load()
	s.eventually("scans", func() bool { return r.listings.Load() >= seen+5 }, func() any { return r.listings.Load() })
	if now := s.revision(); now != before {
		t.Errorf("%d writes for scans that found nothing new", now-before)
	}
	if got := s.get("app").GetStatus().GetLastScanResult(); !got.GetScanTime().AsTime().Equal(first.GetStatus().GetLastScanResult().GetScanTime().AsTime()) {
		t.Errorf("scan time %v", got)
	}
}

func (s *service) revision() int64 {
	s.t.Helper()
	resp, err := s.store.Client().Get(s.t.Context(), "x")
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.Header.GetRevision()
}
