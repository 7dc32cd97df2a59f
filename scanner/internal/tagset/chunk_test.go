// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChunksKeepEveryFact(t *testing.T) {
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	sha := "sha256:" + strings.Repeat("0f", 32)
	want := []Entry{
		{Tag: "1", FirstSeen: at(0)},
		{Tag: "1.0", FirstSeen: at(1_700_000_000_123), Initial: true},
		{Tag: "1.0.0", FirstSeen: at(1_700_000_000_123), Excluded: true, Digest: sha},
		{Tag: "1.0.1", FirstSeen: at(5), Vanished: at(4), Digest: "sha512:ab"},
		{Tag: "_", FirstSeen: time.Time{}, Digest: strings.ToUpper(sha)},
		{Tag: strings.Repeat("z", 128), FirstSeen: at(maxTime), Initial: true, Excluded: true, Vanished: at(minTime + 1)},
	}
	chunk, err := pack(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := chunk.Ref.decode(chunk.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
}

func TestDamagedChunksAreNoticed(t *testing.T) {
	chunk, err := pack([]Entry{{Tag: "1.0.0"}, {Tag: "1.0.1"}, {Tag: "1.1.0"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range chunk.Bytes {
		for bit := range 8 {
			damaged := bytes.Clone(chunk.Bytes)
			damaged[i] ^= 1 << bit
			if _, err := chunk.Ref.decode(damaged); !errors.Is(err, ErrCorrupt) {
				t.Errorf("byte %d, bit %d: %v", i, bit, err)
			}
		}
		if _, err := chunk.Ref.decode(chunk.Bytes[:i]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
}

func TestAChunkThatUnpacksWithoutEndIsRefused(t *testing.T) {
	bomb, err := compress([]byte{chunkVersion, chunkZstd}, make([]byte, 1<<28))
	if err != nil {
		t.Fatal(err)
	}
	if len(bomb) > MaxChunkBytes {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	if _, _, err := decodeChunk(bomb); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v", err)
	}
}

func FuzzDecodeChunk(f *testing.F) {
	chunk, err := pack([]Entry{{Tag: "1.0.0", Digest: "sha256:" + strings.Repeat("0f", 32)}, {Tag: "1.0.1", Vanished: day(1)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(chunk.Bytes)
	f.Add([]byte{chunkVersion, chunkStored, 1, 0, 1, 'a', 0})
	f.Add([]byte{chunkVersion, chunkStored, 1, 0, 1, 'a', 0x3f, 1, 2, 3})
	f.Fuzz(func(t *testing.T, stored []byte) {
		_, entries, err := decodeChunk(stored)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%v is no ErrCorrupt", err)
			}
			return
		}
		if len(entries) == 0 {
			return
		}
		again, err := pack(entries)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := again.Ref.decode(again.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entries, decoded); diff != "" {
			t.Error("another set after encoding again:", diff)
		}
	})
}

func FuzzDecodeHead(f *testing.F) {
	head := Head{UID: "u", Latest: []string{"1"}, Chunks: []ChunkRef{{ID: strings.Repeat("0", 32), First: "1", Entries: 1, Bytes: 9}}}
	encoded, err := head.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Fuzz(func(t *testing.T, stored []byte) {
		head, err := DecodeHead(stored)
		if err != nil {
			return
		}
		if _, err := head.Encode(); err != nil {
			t.Errorf("a head that was read cannot be written: %v", err)
		}
	})
}

// typical are tags as a busy repository has them: versions, pre-releases and
// builds of branches by commit and time.
func typical(n int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	tags := make([]string, 0, n)
	for i := range n {
		switch i % 10 {
		case 0, 1, 2, 3:
			tags = append(tags, fmt.Sprintf("%d.%d.%d", i/20000, i/200%100, i%200))
		case 4, 5:
			tags = append(tags, fmt.Sprintf("v%d.%d.%d-rc.%d", i/20000, i/200%100, i%200, i%4))
		default:
			tags = append(tags, fmt.Sprintf("main-%07x-%d", random.Uint32()>>4, 1_700_000_000+i*600))
		}
	}
	return tags
}

func TestAHundredThousandTagsAreSmall(t *testing.T) {
	tags := typical(100_000)
	store := &shelf{chunks: map[string][]byte{}}
	plan, err := Merge(Head{}, store.read, scanOf(0, without(".sig"), tags...))
	if err != nil {
		t.Fatal(err)
	}
	store.apply(t, Head{}, plan)
	stored, largest := 0, 0
	for _, chunk := range plan.Write {
		stored += len(chunk.Bytes)
		largest = max(largest, len(chunk.Bytes))
	}
	head, err := plan.Head.Encode()
	if err != nil {
		t.Fatal(err)
	}
	perTag := float64(stored+len(head)) / float64(plan.Head.Count)
	t.Logf("%d tags: %d bytes in %d chunks (the largest %d), head %d bytes: %.2f bytes per tag",
		plan.Head.Count, stored, len(plan.Write), largest, len(head), perTag)
	if largest > MaxChunkBytes || len(head) > 4096 || perTag > 10 {
		t.Error("too large")
	}
	one, err := Merge(plan.Head, store.read, scanOf(1, without(".sig"), append(tags, "9.9.9")...))
	if err != nil {
		t.Fatal(err)
	}
	if len(one.Write) != 1 || len(one.Obsolete) != 1 || one.Head.Latest[0] != "9.9.9" {
		t.Errorf("one new tag: %d chunks written, %d obsolete, latest %v", len(one.Write), len(one.Obsolete), one.Head.Latest)
	}
	t.Logf("one new tag writes %d bytes", one.Write[0].Ref.Bytes)
}

func BenchmarkMerge(b *testing.B) {
	tags := typical(100_000)
	store := &shelf{chunks: map[string][]byte{}}
	plan, err := Merge(Head{}, store.read, scanOf(0, without(".sig"), tags...))
	if err != nil {
		b.Fatal(err)
	}
	for _, chunk := range plan.Write {
		store.chunks[chunk.Ref.ID] = chunk.Bytes
	}
	for name, scan := range map[string]Scan{
		"nothing new": scanOf(1, without(".sig"), tags...),
		"one new tag": scanOf(1, without(".sig"), append(tags[:len(tags):len(tags)], "9.9.9")...),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Merge(plan.Head, store.read, scan); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
