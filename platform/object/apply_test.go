// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

const (
	created    = metav1.ApplyOutcome_APPLY_OUTCOME_CREATED
	configured = metav1.ApplyOutcome_APPLY_OUTCOME_CONFIGURED
	unchanged  = metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED
)

func TestApplyWritesOnlyWhatChanges(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	annotated := repo("a", "two", "l", "1")
	annotated.Metadata.Annotations = map[string]string{"n": "1"}
	steps := []struct {
		name       string
		object     repository
		manager    string
		outcome    metav1.ApplyOutcome
		generation int64
		managedBy  string
	}{
		{"creates", repo("a", "one"), "cli", created, 1, "cli"},
		{"leaves the same alone, whoever applies", repo("a", "one"), "other", unchanged, 1, "cli"},
		{"counts a change of spec", repo("a", "two"), "other", configured, 2, "other"},
		{"does not count a change of labels", repo("a", "two", "l", "1"), "cli", configured, 2, "cli"},
		{"does not count a change of annotations", annotated, "cli", configured, 2, "cli"},
		{"leaves the same alone again", annotated, "other", unchanged, 2, "cli"},
	}
	var last *metav1.ObjectMeta
	for _, step := range steps {
		got, outcome, err := s.Apply(t.Context(), step.object, object.ApplyOptions{Manager: step.manager})
		if err != nil || outcome != step.outcome {
			t.Fatalf("%s: %v, %v", step.name, outcome, err)
		}
		meta := got.GetMetadata()
		if meta.GetGeneration() != step.generation || meta.GetManagedBy() != step.managedBy || meta.GetNamespace() != "flux-system" {
			t.Errorf("%s: %v", step.name, meta)
		}
		if last != nil {
			if meta.GetUid() != last.GetUid() || !proto.Equal(meta.GetCreationTimestamp(), last.GetCreationTimestamp()) {
				t.Errorf("%s: another uid or creation time: %v, was %v", step.name, meta, last)
			}
			if (meta.GetResourceVersion() == last.GetResourceVersion()) != (outcome == unchanged) {
				t.Errorf("%s: version %s after %s", step.name, meta.GetResourceVersion(), last.GetResourceVersion())
			}
		}
		read, err := s.Get(t.Context(), key("a"))
		if err != nil || !proto.Equal(read, got) {
			t.Errorf("%s: answered %v, stored %v, %v", step.name, got, read, err)
		}
		last = meta
	}
}

func TestApplyIgnoresWhatIsNotTheUsers(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	sent := repo("a", "one")
	sent.Metadata.Uid, sent.Metadata.Generation = "forged", 77
	sent.Status = &scannerv1.ImageRepositoryStatus{CanonicalImageName: "forged"}
	sent.Override = &metav1.Override{Suspension: &metav1.Suspension{Actor: "forged"}}
	got := apply(t, s, sent)
	if got.GetMetadata().GetUid() == "forged" || got.GetMetadata().GetGeneration() != 1 || got.GetStatus() != nil || got.GetOverride() != nil {
		t.Errorf("stored %v", got)
	}
	if sent.GetStatus().GetCanonicalImageName() != "forged" {
		t.Error("the caller's message was changed")
	}
}

func TestApplyChecksTheResourceVersion(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	versioned := func(image, version string) repository {
		r := repo("a", image)
		r.Metadata.ResourceVersion = version
		return r
	}
	_, _, err := s.Apply(t.Context(), versioned("one", "5"), object.ApplyOptions{})
	if !errors.Is(err, object.ErrStale) {
		t.Errorf("of an object that is not there: %v", err)
	}
	first := apply(t, s, repo("a", "one")).GetMetadata().GetResourceVersion()
	if _, err := s.UpdateStatus(t.Context(), key("a"), "", setGeneration(1)); err != nil {
		t.Fatal(err)
	}
	second := apply(t, s, versioned("two", first)).GetMetadata().GetResourceVersion()
	if _, _, err := s.Apply(t.Context(), versioned("three", first), object.ApplyOptions{}); !errors.Is(err, object.ErrStale) {
		t.Errorf("stale: %v", err)
	}
	if _, _, err := s.Apply(t.Context(), versioned("three", second), object.ApplyOptions{ValidateOnly: true}); err != nil {
		t.Errorf("current: %v", err)
	}
}

func TestWhoNamesTheVersionTakesOver(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	first, _, err := s.Apply(t.Context(), repo("a", "one"), object.ApplyOptions{Manager: "apply:alice"})
	if err != nil {
		t.Fatal(err)
	}
	versioned := repo("a", "one")
	versioned.Metadata.ResourceVersion = first.GetMetadata().GetResourceVersion()
	taken, outcome, err := s.Apply(t.Context(), versioned, object.ApplyOptions{Manager: "manifests:/a"})
	if err != nil || outcome != configured || taken.GetMetadata().GetManagedBy() != "manifests:/a" || taken.GetMetadata().GetGeneration() != 1 {
		t.Fatalf("%v, %v, %v", taken.GetMetadata(), outcome, err)
	}
	versioned.Metadata.ResourceVersion = taken.GetMetadata().GetResourceVersion()
	again, outcome, err := s.Apply(t.Context(), versioned, object.ApplyOptions{Manager: "manifests:/a"})
	if err != nil || outcome != unchanged || again.GetMetadata().GetResourceVersion() != taken.GetMetadata().GetResourceVersion() {
		t.Errorf("its own again: %v, %v, %v", again.GetMetadata(), outcome, err)
	}
}

func TestValidateOnlyStoresNothing(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	_, outcome, err := s.Apply(t.Context(), repo("a", "one"), object.ApplyOptions{ValidateOnly: true})
	if err != nil || outcome != created {
		t.Fatalf("%v, %v", outcome, err)
	}
	if _, err := s.Get(t.Context(), key("a")); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestNamesThatAreNoPathSegmentAreRefused(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	apply(t, s, repo("c", "one"))
	for _, name := range []string{"", "b/c", "/"} {
		if _, _, err := s.Apply(t.Context(), repo(name, "one"), object.ApplyOptions{}); len(rpcerr.FieldViolations(err)) != 1 {
			t.Errorf("apply %q: %v", name, err)
		}
		if _, err := s.Get(t.Context(), key(name)); !errors.Is(err, object.ErrNotFound) {
			t.Errorf("get %q: %v", name, err)
		}
		if err := s.Delete(t.Context(), key(name)); !errors.Is(err, object.ErrNotFound) {
			t.Errorf("delete %q: %v", name, err)
		}
	}
}

func TestSpecStatusAndOverrideDoNotUndoOneAnother(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	first := apply(t, s, repo("a", "one"))
	if _, err := s.UpdateStatus(t.Context(), key("a"), first.GetMetadata().GetUid(), setGeneration(1)); err != nil {
		t.Fatal(err)
	}
	override := &metav1.Override{Suspension: &metav1.Suspension{Actor: "me"}}
	if _, err := s.SetOverride(t.Context(), key("a"), override); err != nil {
		t.Fatal(err)
	}
	got := apply(t, s, repo("a", "two"))
	if got.GetStatus().GetObservedGeneration() != 1 || got.GetOverride().GetSuspension().GetActor() != "me" {
		t.Errorf("after apply: %v", got)
	}
	// A mutate function that oversteps changes the status alone.
	got, err := s.UpdateStatus(t.Context(), key("a"), "", func(r repository) error {
		r.Spec.Image, r.Override = "stolen", nil
		return setGeneration(2)(r)
	})
	if err != nil || got.GetSpec().GetImage() != "two" || got.GetOverride() == nil || got.GetStatus().GetObservedGeneration() != 2 {
		t.Errorf("after the status: %v, %v", got, err)
	}
	got, err = s.SetOverride(t.Context(), key("a"), nil)
	if err != nil || got.GetOverride() != nil || got.GetStatus().GetObservedGeneration() != 2 {
		t.Errorf("after taking the override back: %v, %v", got, err)
	}
	read, err := s.Get(t.Context(), key("a"))
	if err != nil || !proto.Equal(read, got) {
		t.Errorf("answered %v, stored %v, %v", got, read, err)
	}
}

func TestStatusOfADeletedObjectNeverResurrects(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	old := apply(t, s, repo("a", "one")).GetMetadata().GetUid()
	if _, err := s.UpdateStatus(t.Context(), key("a"), old, setGeneration(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), key("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateStatus(t.Context(), key("a"), old, setGeneration(2)); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("of a deleted object: %v", err)
	}
	if _, err := s.SetOverride(t.Context(), key("a"), &metav1.Override{}); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("override of a deleted object: %v", err)
	}
	again := apply(t, s, repo("a", "one"))
	if again.GetMetadata().GetUid() == old || again.GetStatus() != nil {
		t.Errorf("created again: %v", again)
	}
	if _, err := s.UpdateStatus(t.Context(), key("a"), old, setGeneration(3)); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("with the old uid: %v", err)
	}
	// Deleted and created between the read and the write.
	_, err := s.UpdateStatus(t.Context(), key("a"), again.GetMetadata().GetUid(), func(r repository) error {
		if err := s.Delete(t.Context(), key("a")); err != nil && !errors.Is(err, object.ErrNotFound) {
			return err
		}
		apply(t, s, repo("a", "one"))
		return setGeneration(4)(r)
	})
	if !errors.Is(err, object.ErrNotFound) {
		t.Errorf("created again meanwhile: %v", err)
	}
	if got, err := s.Get(t.Context(), key("a")); err != nil || got.GetStatus() != nil {
		t.Errorf("the new object has a status: %v, %v", got, err)
	}
}

func TestEqualStatusCostsNoWriteAndAlsoIsWrittenInTheSameTransaction(t *testing.T) {
	st := storetest.Open(t)
	s := newRepositories(st, object.WithAttachment("taghead"))
	apply(t, s, repo("a", "one"))
	revision := func() int64 {
		resp, err := st.Client().Get(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		return resp.Header.GetRevision()
	}
	head := s.Key("taghead", key("a"))
	if _, err := s.UpdateStatus(t.Context(), key("a"), "", setGeneration(1), clientv3.OpPut(head, "h1")); err != nil {
		t.Fatal(err)
	}
	before := revision()
	if _, err := s.UpdateStatus(t.Context(), key("a"), "", setGeneration(1)); err != nil {
		t.Fatal(err)
	}
	nothing := func(repository) error { return object.ErrUnchanged }
	if _, err := s.UpdateStatus(t.Context(), key("a"), "", nothing, clientv3.OpPut(head, "never")); err != nil {
		t.Fatal(err)
	}
	if after := revision(); after != before {
		t.Errorf("%d writes for nothing", after-before)
	}
	guarded := object.StatusChange[repository]{
		Mutate: setGeneration(2),
		If:     []clientv3.Cmp{clientv3.Compare(clientv3.Value(head), "=", "h0")},
		Also:   []clientv3.Op{clientv3.OpPut(head, "h2")},
	}
	if _, err := s.ChangeStatus(t.Context(), key("a"), "", guarded); !errors.Is(err, object.ErrConflict) {
		t.Errorf("a comparison that fails: %v", err)
	}
	guarded.If[0] = clientv3.Compare(clientv3.Value(head), "=", "h1")
	if got, err := s.ChangeStatus(t.Context(), key("a"), "", guarded); err != nil || got.GetStatus().GetObservedGeneration() != 2 {
		t.Errorf("a comparison that holds: %v, %v", got, err)
	}
	if err := s.Delete(t.Context(), key("a")); err != nil {
		t.Fatal(err)
	}
	resp, err := st.Client().Get(t.Context(), s.Key("", key("")), clientv3.WithFromKey(), clientv3.WithCountOnly())
	if err != nil || resp.Count != 0 {
		t.Errorf("the deleted object left keys: %v, %v", resp, err)
	}
}

func TestConcurrentStatusWritersAllCount(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	apply(t, s, repo("a", "one"))
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				_, err := s.UpdateStatus(context.Background(), key("a"), "", func(r repository) error {
					return setGeneration(r.GetStatus().GetObservedGeneration() + 1)(r)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := s.Get(t.Context(), key("a"))
	if err != nil || got.GetStatus().GetObservedGeneration() != writers*each {
		t.Errorf("counted %v, %v", got, err)
	}
}

func TestListPagesInOrderAndFilters(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	for i := range 7 {
		r := repo(fmt.Sprintf("r%d", i), "one", "odd", fmt.Sprint(i%2))
		if i == 6 {
			r.Metadata.Namespace = "apps"
		}
		apply(t, s, r)
	}
	if _, err := s.UpdateStatus(t.Context(), key("r3"), "", setGeneration(9)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		filter object.Filter
		size   int
		want   string
	}{
		{"all in one page", object.Filter{}, 10, "r6 r0 r1 r2 r3 r4 r5|"},
		{"pages", object.Filter{}, 3, "r6 r0 r1|r2 r3 r4|r5|"},
		{"a page that ends with the objects", object.Filter{Namespace: "flux-system"}, 3, "r0 r1 r2|r3 r4 r5|"},
		{"one namespace", object.Filter{Namespace: "apps"}, 3, "r6|"},
		{"no namespace of a longer name", object.Filter{Namespace: "app"}, 3, "|"},
		{"labels", object.Filter{LabelSelector: "odd=1"}, 2, "r1 r3|r5|"},
		{"labels and one namespace", object.Filter{LabelSelector: "odd!=1", Namespace: "flux-system"}, 2, "r0 r2|r4|"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, token := "", ""
			for {
				page, next, err := s.List(t.Context(), tt.filter, tt.size, token)
				if err != nil {
					t.Fatal(err)
				}
				for i, r := range page {
					if i > 0 {
						got += " "
					}
					got += r.GetMetadata().GetName()
					if want := int64(0); r.GetMetadata().GetName() == "r3" && r.GetStatus().GetObservedGeneration() == want {
						t.Error("r3 has lost its status")
					}
				}
				got += "|"
				if token = next; token == "" {
					break
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	_, token, err := s.List(t.Context(), object.Filter{}, 2, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() error{
		"token of another filter": func() error { _, _, err := s.List(t.Context(), object.Filter{Namespace: "x"}, 2, token); return err },
		"no token":                func() error { _, _, err := s.List(t.Context(), object.Filter{}, 2, "?"); return err },
		"no selector": func() error {
			_, _, err := s.List(t.Context(), object.Filter{LabelSelector: "a=(("}, 2, "")
			return err
		},
	} {
		if err := f(); len(rpcerr.FieldViolations(err)) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChangesOfAnOverrideDoNotUndoOneAnother(t *testing.T) {
	s := newRepositories(storetest.Open(t))
	apply(t, s, repo("a", "one"))
	var working sync.WaitGroup
	for _, change := range []func(*metav1.Override){
		func(o *metav1.Override) { o.Hold = &metav1.Hold{Tag: "1"} },
		func(o *metav1.Override) { o.Suspension = &metav1.Suspension{Actor: "me"} },
	} {
		working.Go(func() {
			_, err := s.ChangeOverride(t.Context(), key("a"), "", func(o *metav1.Override) (*metav1.Override, error) {
				change(o)
				return o, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	working.Wait()
	none := func(*metav1.Override) (*metav1.Override, error) { return nil, object.ErrUnchanged }
	got, err := s.ChangeOverride(t.Context(), key("a"), "", none)
	if err != nil || got.GetOverride().GetHold().GetTag() != "1" || got.GetOverride().GetSuspension().GetActor() != "me" {
		t.Errorf("got %v, %v", got.GetOverride(), err)
	}
	if _, err := s.ChangeOverride(t.Context(), key("a"), "another", none); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("of another object: %v", err)
	}
}
