// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestNewestFirstOrdersByVersion(t *testing.T) {
	want := []string{
		"v10.0.0", "2.0.0", "v1.10.0", "1.9.0", "1.9.0-rc.10", "1.9.0-rc.2", "1.9.0-rc", "1.9.0-7", "1.8",
		"0.99999999999999999999999.1", "0.1.0",
		"20240102-abc", "101", "73", "1.2.3.4",
		"v", "main-101", "main-73", "latest", "A",
	}
	entries := make([]Entry, 0, len(want))
	for _, tag := range want {
		entries = append(entries, Entry{Tag: tag})
	}
	random := rand.New(rand.NewPCG(3, 3))
	for range 50 {
		random.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		slices.SortFunc(entries, NewestFirst)
		var got []string
		for _, e := range entries {
			got = append(got, e.Tag)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q\nwant %q", got, want)
		}
	}
}

func TestEqualVersionsAreOrderedByTimeThenBytes(t *testing.T) {
	entries := []Entry{
		{Tag: "1.0.0", FirstSeen: day(1)}, {Tag: "v1.0.0", FirstSeen: day(1)}, {Tag: "1.0", FirstSeen: day(2)},
		{Tag: "b-01", FirstSeen: day(1)}, {Tag: "b-1", FirstSeen: day(2)},
	}
	slices.SortFunc(entries, NewestFirst)
	var got []string
	for _, e := range entries {
		got = append(got, e.Tag)
	}
	if want := []string{"1.0", "v1.0.0", "1.0.0", "b-1", "b-01"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzNewestFirstIsAnOrder(f *testing.F) {
	f.Add("1.0.0", "1.0.0-rc.1", "v1")
	f.Add("1-0", "1-00", "1-0a")
	f.Add("1.0-a..b", "1.0-01", "1.0-1")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		x, y, z := Entry{Tag: a}, Entry{Tag: b}, Entry{Tag: c}
		if NewestFirst(x, y) != -NewestFirst(y, x) || (NewestFirst(x, y) == 0) != (a == b) {
			t.Errorf("%q and %q: %d and %d", a, b, NewestFirst(x, y), NewestFirst(y, x))
		}
		if NewestFirst(x, y) <= 0 && NewestFirst(y, z) <= 0 && NewestFirst(x, z) > 0 {
			t.Errorf("%q, %q and %q go round in a circle", a, b, c)
		}
	})
}

func TestRevisionIsFluxsChecksum(t *testing.T) {
	// printf '1.0.0\n1.0.1\n' | sha256sum
	const want = "sha256:a5efa9314c8c8e3403e87e71446d0b64c182211b6d267a9ad9b428621dd42b88"
	if got := Revision([]string{"1.0.1", "1.0.0"}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestValidTagIsTheOCIsGrammar(t *testing.T) {
	for tag, want := range map[string]bool{
		"1.0.0": true, "_a": true, "A-b_c.d": true, strings.Repeat("x", 128): true,
		"": false, ".a": false, "-a": false, "a b": false, "a/b": false, "ä": false, "a:b": false, strings.Repeat("x", 129): false,
	} {
		if ValidTag(tag) != want {
			t.Errorf("ValidTag(%q) = %t", tag, !want)
		}
	}
}
