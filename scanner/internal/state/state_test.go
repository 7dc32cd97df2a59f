// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

type fixture struct {
	*State
	t   *testing.T
	key object.Key
	uid string
}

func open(t *testing.T) *fixture {
	t.Helper()
	s := New(storetest.Open(t), slog.New(slog.DiscardHandler))
	applied, _, err := s.Repositories.Apply(t.Context(), &scannerv1.ImageRepository{
		Metadata: &metav1.ObjectMeta{Name: "app"}, Spec: &scannerv1.ImageRepositorySpec{Image: "a"},
	}, object.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{State: s, t: t, key: object.KeyOf("", "app"), uid: applied.GetMetadata().GetUid()}
}

func (f *fixture) plan(was Set, started time.Time, tags ...string) Swap {
	f.t.Helper()
	plan, err := tagset.Merge(was.Head, was.Reader(f.t.Context()), tagset.Scan{UID: f.uid, Tags: tags, Started: started, Finished: started})
	if err != nil {
		f.t.Fatal(err)
	}
	return Swap{Was: was, Head: plan.Head, Write: plan.Write, Mutate: func(r Repository) error {
		r.Status = &scannerv1.ImageRepositoryStatus{CanonicalImageName: plan.Head.Revision}
		return nil
	}}
}

func (f *fixture) set() Set {
	f.t.Helper()
	set, err := f.Set(f.t.Context(), f.key)
	if err != nil {
		f.t.Fatal(err)
	}
	return set
}

func (f *fixture) stored() []string {
	f.t.Helper()
	chunks, err := f.storedChunks(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return chunks[f.uid]
}

func (f *fixture) tags(set Set) []string {
	f.t.Helper()
	var tags []string
	for entry, err := range set.Entries(f.t.Context()) {
		if err != nil {
			f.t.Fatal(err)
		}
		if entry.Visible() {
			tags = append(tags, entry.Tag)
		}
	}
	return tags
}

func TestSwapMovesHeadStatusAndChunksTogether(t *testing.T) {
	f := open(t)
	if f.set().Revision != 0 {
		t.Error("there is a set before the first")
	}
	now := time.Now()
	got, err := f.Swap(t.Context(), f.key, f.plan(f.set(), now, "1"))
	first := f.set()
	if err != nil || got.GetStatus().GetCanonicalImageName() != first.Head.Revision || !first.Of(f.uid) {
		t.Fatalf("%v, %v", got, err)
	}
	if _, err := f.Swap(t.Context(), f.key, f.plan(first, now, "1", "2")); err != nil {
		t.Fatal(err)
	}
	if n := f.stored(); len(n) != 1 {
		t.Errorf("%d chunks are stored", len(n))
	}
	// The old set is read as it was.
	old, err := f.SetAt(t.Context(), f.key, first.Revision)
	if err != nil || !slices.Equal(f.tags(old), []string{"1"}) || !slices.Equal(f.tags(f.set()), []string{"1", "2"}) {
		t.Errorf("old %v, now %v, %v", f.tags(old), f.tags(f.set()), err)
	}
	said := func(r Repository) error {
		r.Status.CanonicalImageName = "kept"
		return nil
	}
	if _, err := f.Keep(t.Context(), f.key, f.uid, first, said); !errors.Is(err, object.ErrConflict) {
		t.Errorf("a status for the old set: %v", err)
	}
	if got, err := f.Keep(t.Context(), f.key, f.uid, f.set(), said); err != nil || got.GetStatus().GetCanonicalImageName() != "kept" {
		t.Errorf("a status for the set: %v, %v", got, err)
	}
	delta, err := f.set().Since(t.Context(), old)
	if err != nil || len(delta.Added) != 1 || delta.Added[0].Tag != "2" {
		t.Errorf("delta %v, %v", delta, err)
	}
}

func TestSwapThatComesSecondLeavesNothing(t *testing.T) {
	f := open(t)
	now := time.Now()
	slow := f.plan(f.set(), now, "slow")
	if _, err := f.Swap(t.Context(), f.key, f.plan(f.set(), now, "fast")); err != nil {
		t.Fatal(err)
	}
	_, err := f.Swap(t.Context(), f.key, slow)
	if !errors.Is(err, object.ErrConflict) {
		t.Errorf("got %v", err)
	}
	same := f.plan(Set{state: f.State}, now, "fast") // the same content: the chunk is the stored head's too
	if _, err := f.Swap(t.Context(), f.key, same); !errors.Is(err, object.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if n := f.stored(); len(n) != 1 || !slices.Equal(f.tags(f.set()), []string{"fast"}) {
		t.Errorf("stored %v", n)
	}
	if err := f.Delete(t.Context(), f.key); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Swap(t.Context(), f.key, slow); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("of a deleted object: %v", err)
	}
	if n := f.stored(); len(n) != 0 || f.set().Revision != 0 {
		t.Errorf("left of a deleted object: %v", n)
	}
}

func TestChunksSweptBeforeTheSwapMakeItFail(t *testing.T) {
	f := open(t)
	swap := f.plan(f.set(), time.Now(), "1")
	if err := f.writeChunks(t.Context(), f.uid, swap.Write); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.Delete(t.Context(), f.chunks, clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	_, err := f.Repositories.ChangeStatus(t.Context(), f.key, f.uid, object.StatusChange[Repository]{Mutate: swap.Mutate, If: f.still(f.key, swap)})
	if !errors.Is(err, object.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

func TestSetOfManyChunks(t *testing.T) {
	f := open(t)
	random := rand.New(rand.NewPCG(1, 1))
	var tags []string
	for range 150_000 { // some 100 chunks: random tags of 120 bytes
		tag := "t"
		for len(tag) < 120 {
			tag += fmt.Sprintf("%016x", random.Uint64())
		}
		tags = append(tags, tag[:120])
	}
	slices.Sort(tags)
	now := time.Now()
	swap := f.plan(f.set(), now, tags...)
	if len(swap.Write) <= maxOps {
		t.Fatalf("only %d chunks", len(swap.Write))
	}
	if _, err := f.Swap(t.Context(), f.key, swap); err != nil {
		t.Fatal(err)
	}
	if got := f.tags(f.set()); !slices.Equal(got, tags) {
		t.Errorf("%d tags of %d", len(got), len(tags))
	}
	// All gone and forgotten: a new set over the old one.
	fresh := f.plan(Set{state: f.State}, now, "1")
	fresh.Was = f.set()
	if _, err := f.Swap(t.Context(), f.key, fresh); err != nil {
		t.Fatal(err)
	}
	if n := f.stored(); len(n) != 1 {
		t.Errorf("%d chunks are left", len(n))
	}
}

func TestCorruptHeadIsAnErrorWithItsRevision(t *testing.T) {
	f := open(t)
	if _, err := f.client.Put(t.Context(), f.headKey(f.key), "no head"); err != nil {
		t.Fatal(err)
	}
	set, err := f.Set(t.Context(), f.key)
	if !errors.Is(err, tagset.ErrCorrupt) || set.Revision == 0 {
		t.Errorf("%v, %v", set, err)
	}
	if _, err := f.Swap(t.Context(), f.key, Swap{Was: set, Head: tagset.Head{UID: f.uid}, Mutate: func(Repository) error { return nil }}); err != nil {
		t.Errorf("replacing it: %v", err)
	}
	if _, err := f.SetAt(t.Context(), f.key, 1<<40); !errors.Is(err, ErrForgotten) {
		t.Errorf("of the future: %v", err)
	}
}
