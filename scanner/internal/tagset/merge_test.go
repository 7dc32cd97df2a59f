// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shelf is a store of chunks that counts what is read.
type shelf struct {
	chunks map[string][]byte
	reads  int
}

func (s *shelf) read(ids []string) (map[string][]byte, error) {
	found := map[string][]byte{}
	for _, id := range ids {
		s.reads++
		if stored, ok := s.chunks[id]; ok {
			found[id] = stored
		}
	}
	return found, nil
}

// apply does what a store does with a plan; old chunks stay readable, as they do
// in etcd at an old revision.
func (s *shelf) apply(t *testing.T, old Head, plan Plan) {
	t.Helper()
	for _, chunk := range plan.Write {
		if _, known := s.chunks[chunk.Ref.ID]; known && slices.ContainsFunc(old.Chunks, func(r ChunkRef) bool { return r.ID == chunk.Ref.ID }) {
			t.Errorf("chunk %s is written again", chunk.Ref.ID)
		}
		s.chunks[chunk.Ref.ID] = chunk.Bytes
	}
	for _, id := range plan.Obsolete {
		if slices.ContainsFunc(plan.Head.Chunks, func(r ChunkRef) bool { return r.ID == id }) {
			t.Errorf("chunk %s is obsolete and in use", id)
		}
	}
}

func (s *shelf) entries(t *testing.T, head Head) map[string]Entry {
	t.Helper()
	all := map[string]Entry{}
	previous := ""
	for e, err := range head.Entries(s.read) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Tag <= previous {
			t.Fatalf("%q comes after %q", e.Tag, previous)
		}
		all[e.Tag], previous = e, e.Tag
	}
	return all
}

// without excludes the tags that hold a text; empty: none.
type without string

func (w without) Excluded(tag string) bool { return w != "" && strings.Contains(tag, string(w)) }
func (w without) Patterns() []string       { return []string{string(w)} }

func day(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

func scanOf(n int, exclude Exclusions, tags ...string) Scan {
	return Scan{UID: "u", Tags: tags, Exclusions: exclude, First: n == 0, Started: day(n), Finished: day(n)}
}

// model is the set as the issue describes it, done the simple way.
func model(old map[string]Entry, scan Scan) map[string]Entry {
	set := map[string]Entry{}
	for tag, e := range old {
		if e.Vanished.IsZero() {
			e.Vanished = scan.Finished
		}
		if scan.Finished.Sub(e.Vanished) <= Remember {
			e.Excluded = scan.Exclusions.Excluded(tag)
			set[tag] = e
		}
	}
	for _, tag := range scan.Tags {
		e, known := set[tag]
		if !known {
			e = Entry{Tag: tag, FirstSeen: scan.Finished, Initial: scan.First}
		}
		e.Vanished, e.Excluded = time.Time{}, scan.Exclusions.Excluded(tag)
		set[tag] = e
	}
	return set
}

func visible(set map[string]Entry) map[string]Entry {
	seen := maps.Clone(set)
	maps.DeleteFunc(seen, func(_ string, e Entry) bool { return !e.Visible() })
	return seen
}

func difference(before, after map[string]Entry) Delta {
	before, after = visible(before), visible(after)
	var d Delta
	for _, tag := range slices.Sorted(maps.Keys(after)) {
		if old, known := before[tag]; !known {
			d.Added = append(d.Added, after[tag])
		} else if old != after[tag] {
			d.Changed = append(d.Changed, after[tag])
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(before)) {
		if _, known := after[tag]; !known {
			d.Removed = append(d.Removed, tag)
		}
	}
	return d
}

// next makes the listing of the next scan out of the last one: nothing, a few
// changes, or a large part of all tags gone or new.
func next(random *rand.Rand, tags []string) []string {
	kept := slices.Clone(tags)
	remove, add := 0, 0
	switch random.IntN(6) {
	case 0:
	case 1:
		add = 1
	case 2:
		remove, add = random.IntN(5), random.IntN(5)
	case 3:
		remove = len(kept) * random.IntN(10) / 10
	case 4:
		add = random.IntN(300)
	case 5:
		// A whole range goes, so that chunks empty.
		slices.Sort(kept)
		if len(kept) > 10 {
			at := random.IntN(len(kept) / 2)
			kept = slices.Delete(kept, at, at+len(kept)/3)
		}
	}
	for range min(remove, len(kept)) {
		i := random.IntN(len(kept))
		kept = slices.Delete(kept, i, i+1)
	}
	for range add {
		kept = append(kept, fmt.Sprintf("%d.%d.%d%s", random.IntN(3), random.IntN(8), random.IntN(30),
			[]string{"", "-rc", ".sig"}[random.IntN(3)]))
	}
	random.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
	return kept
}

func TestRandomHistoriesKeepExactlyTheExpectedSet(t *testing.T) {
	small := sizes{most: 400, fill: 300, least: 100}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		store := &shelf{chunks: map[string][]byte{}}
		var head Head
		set, tags, exclude, now := map[string]Entry{}, []string(nil), without(".sig"), 0
		for step := range 40 {
			tags = next(random, tags)
			if now += random.IntN(15); random.IntN(12) == 0 {
				exclude = without([]string{"", ".sig", "-rc"}[random.IntN(3)])
			}
			scan := scanOf(now, exclude, tags...)
			scan.First = step == 0
			want := model(set, scan)
			plan, err := small.plan(head, store.read, scan)
			if err != nil {
				t.Fatal(err)
			}
			store.apply(t, head, plan)
			checkPlan(t, small, store, head, plan, set, want)
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
			head, set = plan.Head, want
		}
	}
}

func checkPlan(t *testing.T, s sizes, store *shelf, old Head, plan Plan, before, after map[string]Entry) {
	t.Helper()
	if diff := cmp.Diff(after, store.entries(t, plan.Head)); diff != "" {
		t.Error("entries (-want +got):", diff)
	}
	want := difference(before, after)
	if diff := cmp.Diff(want, plan.Delta); diff != "" {
		t.Error("the plan's delta (-want +got):", diff)
	}
	delta, err := Diff(old, plan.Head, store.read)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, delta); diff != "" {
		t.Error("Diff (-want +got):", diff)
	}
	if !plan.Changed && (!maps.Equal(before, after) || len(plan.Write)+len(plan.Obsolete) > 0) {
		t.Error("a change is not told")
	}
	checkHead(t, plan.Head, after)
	for i, ref := range plan.Head.Chunks {
		if ref.Bytes > s.most+chunkEnvelope+400 || ref.Bytes != len(store.chunks[ref.ID]) {
			t.Errorf("chunk %d has %d bytes (%d stored)", i, ref.Bytes, len(store.chunks[ref.ID]))
		}
	}
}

func checkHead(t *testing.T, head Head, set map[string]Entry) {
	t.Helper()
	var tags []string
	total, gone := 0, 0
	for tag, e := range set {
		if e.Visible() {
			tags = append(tags, tag)
		}
		if e.Present() {
			total++
		} else {
			gone++
		}
	}
	if head.Count != len(tags) || head.Total != total || head.Gone != gone {
		t.Errorf("counts %d, %d, %d; want %d, %d, %d", head.Count, head.Total, head.Gone, len(tags), total, gone)
	}
	if want := Revision(tags); head.Revision != want {
		t.Errorf("revision %s, want %s", head.Revision, want)
	}
	slices.SortFunc(tags, func(a, b string) int { return NewestFirst(set[a], set[b]) })
	if want := tags[:min(10, len(tags))]; !slices.Equal(head.Latest, want) {
		t.Errorf("latest %v, want %v", head.Latest, want)
	}
	encoded, err := head.Encode()
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := DecodeHead(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := decoded.Encode(); err != nil || string(again) != string(encoded) {
		t.Errorf("the head became %s (%v), was %s", again, err, encoded)
	}
}

func TestOneNewTagRewritesOneChunkOrSplitsIt(t *testing.T) {
	small := sizes{most: 400, fill: 300, least: 100}
	random := rand.New(rand.NewPCG(7, 7))
	store := &shelf{chunks: map[string][]byte{}}
	var head Head
	var tags []string
	splits := 0
	for n := range 1000 {
		tags = append(tags, fmt.Sprintf("%x", random.Uint32()))
		plan, err := small.plan(head, store.read, scanOf(0, without(""), tags...))
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Write) > 2 || len(plan.Obsolete) > 1 || len(plan.Head.Chunks) > len(head.Chunks)+1 {
			t.Fatalf("tag %d: %d chunks written, %d obsolete", n, len(plan.Write), len(plan.Obsolete))
		}
		splits += len(plan.Write) - 1
		store.apply(t, head, plan)
		head = plan.Head
	}
	if splits == 0 || splits > 100 {
		t.Errorf("%d splits", splits)
	}
}

func TestChunksOfASetThatShrinksAreMerged(t *testing.T) {
	small := sizes{most: 400, fill: 300, least: 100}
	store := &shelf{chunks: map[string][]byte{}}
	var tags []string
	for i := range 1000 {
		tags = append(tags, fmt.Sprintf("1.%d.%d", i/50, i))
	}
	first, err := small.plan(Head{}, store.read, scanOf(0, without(""), tags...))
	if err != nil {
		t.Fatal(err)
	}
	store.apply(t, Head{}, first)
	few := []string{tags[0], tags[500], tags[999]}
	second, err := small.plan(first.Head, store.read, scanOf(1, without(""), few...))
	if err != nil {
		t.Fatal(err)
	}
	store.apply(t, first.Head, second)
	third, err := small.plan(second.Head, store.read, scanOf(40, without(""), few...))
	if err != nil {
		t.Fatal(err)
	}
	store.apply(t, second.Head, third)
	if len(first.Head.Chunks) < 10 || len(third.Head.Chunks) != 1 || third.Head.Gone != 0 {
		t.Errorf("%d chunks became %d; %d still remembered", len(first.Head.Chunks), len(third.Head.Chunks), third.Head.Gone)
	}
}

func TestAnUnchangedListingReadsAndWritesNothing(t *testing.T) {
	store := &shelf{chunks: map[string][]byte{}}
	first, err := Merge(Head{}, store.read, scanOf(0, without("x"), "1", "2", "x"))
	if err != nil {
		t.Fatal(err)
	}
	store.apply(t, Head{}, first)
	again := scanOf(1, without("x"), "x", "2", "1")
	again.TraceParent = "of another scan"
	second, err := Merge(first.Head, store.read, again)
	if err != nil {
		t.Fatal(err)
	}
	if second.Changed || store.reads != 0 || second.Head.ScanFinished != day(1) || second.Head.TraceParent != "" {
		t.Errorf("%d reads, %+v", store.reads, second)
	}
}

func TestATagThatComesBackKeepsItsFirstSeenTimeForThirtyDays(t *testing.T) {
	for _, test := range []struct{ back, want int }{{31, 0}, {32, 32}} {
		store := &shelf{chunks: map[string][]byte{}}
		var head Head
		for _, scan := range []Scan{
			scanOf(0, without(""), "a", "b"), scanOf(1, without(""), "a"), scanOf(test.back, without(""), "a", "b"),
		} {
			plan, err := Merge(head, store.read, scan)
			if err != nil {
				t.Fatal(err)
			}
			store.apply(t, head, plan)
			head = plan.Head
		}
		got := store.entries(t, head)["b"]
		if !got.FirstSeen.Equal(day(test.want)) || got.Initial != (test.want == 0) {
			t.Errorf("back on day %d: first seen %s, initial %t", test.back, got.FirstSeen, got.Initial)
		}
	}
}

func TestAnExcludedTagChangesTheSetAndNotTheRevision(t *testing.T) {
	store := &shelf{chunks: map[string][]byte{}}
	first, err := Merge(Head{}, store.read, scanOf(0, without("sig"), "1"))
	if err != nil {
		t.Fatal(err)
	}
	store.apply(t, Head{}, first)
	second, err := Merge(first.Head, store.read, scanOf(1, without("sig"), "1", "1.sig"))
	if err != nil {
		t.Fatal(err)
	}
	store.apply(t, first.Head, second)
	if !second.Changed || !second.Delta.Empty() || second.Head.Revision != first.Head.Revision || second.Head.Total != 2 {
		t.Errorf("%+v", second)
	}
	third, err := Merge(second.Head, store.read, scanOf(2, without(""), "1", "1.sig"))
	if err != nil {
		t.Fatal(err)
	}
	if len(third.Delta.Added) != 1 || !third.Delta.Added[0].FirstSeen.Equal(day(1)) {
		t.Errorf("a tag that is excluded no more: %+v", third.Delta)
	}
}

func TestOldAndInvalidListingsAreRefused(t *testing.T) {
	store := &shelf{chunks: map[string][]byte{}}
	first, err := Merge(Head{}, store.read, scanOf(5, without(""), "1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(first.Head, store.read, scanOf(4, without(""), "2")); !errors.Is(err, ErrStale) {
		t.Errorf("an old listing: %v", err)
	}
	if _, err := Merge(first.Head, store.read, scanOf(6, without(""), "a b")); !errors.Is(err, ErrInvalidTag) {
		t.Errorf("an invalid tag: %v", err)
	}
	if _, err := Merge(first.Head, store.read, scanOf(6, without(""), "2")); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a missing chunk: %v", err)
	}
}

func TestAnEmptyListingIsASet(t *testing.T) {
	plan, err := Merge(Head{}, (&shelf{}).read, scanOf(0, nil))
	if err != nil || !plan.Changed || len(plan.Head.Chunks) != 0 || plan.Head.Revision != Revision(nil) {
		t.Errorf("%+v, %v", plan, err)
	}
}
