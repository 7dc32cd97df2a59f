// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanning

import (
	"testing"
	"time"
)

// footprint is what a scanner takes at three moments.
type footprint struct {
	// empty: it knows no repository. full: all are scanned. grown: each has one more tag, and is scanned again.
	empty, full, grown measurement
	// scans is how long the first scans took, from the first Apply.
	scans time.Duration
}

// BenchmarkMemory has a scanner in a process of its own, with its embedded store, scan 1,000 repositories of 10,000 tags,
// which a synthetic registry serves, and reports what it takes, per tag:
//
//	text            the tags themselves
//	store           keys and values in the store, and file-in-use: what of its file is in use, history included
//	live, heap      the process's heap after a collection: objects, and their pages; what it took empty is subtracted
//	anonymous, rss  the process's memory without and with files that it maps; what it took empty is subtracted
//
// and the peak of the process's resident memory, and what one more tag in each repository adds to the store's file until it
// is compacted.
func BenchmarkMemory(b *testing.B) {
	s := sized(b, size{repositories: 1000, tags: 10_000})
	registry := startSynthetic(b, s)
	var f footprint
	for b.Loop() {
		f = weigh(b, registry)
	}
	f.report(b, registry)
}

func weigh(tb testing.TB, registry *synthetic) footprint {
	tb.Helper()
	registry.more.Store(0)
	p := startProcess(tb)
	f := footprint{empty: p.measure(tb, "empty")}
	f.scans = timed(func() {
		p.apply(tb, registry.repositories, calm, registry.image)
		p.awaitTags(tb, registry.repositories, registry.tags)
	})
	f.full = p.measure(tb, "full")
	registry.more.Store(1)
	p.scan(tb, registry.repositories, registry.tags+1)
	f.grown = p.measure(tb, "grown")
	return f
}

func (f footprint) report(b *testing.B, registry *synthetic) {
	b.Helper()
	perTag := func(bytes, before uint64) float64 {
		return (float64(bytes) - float64(before)) / float64(registry.total())
	}
	const mebibyte = 1 << 20
	b.ReportMetric(0, "ns/op") // a round's time says nothing
	b.ReportMetric(float64(registry.total()), "tags")
	b.ReportMetric(perSecond(registry.total(), f.scans), "tags/s")
	b.ReportMetric(registry.textBytes(), "text-B/tag")
	b.ReportMetric(perTag(f.full.Values, f.empty.Values), "store-B/tag")
	b.ReportMetric(perTag(f.full.InUse, f.empty.InUse), "file-in-use-B/tag")
	b.ReportMetric(perTag(f.full.Live, f.empty.Live), "live-B/tag")
	b.ReportMetric(perTag(f.full.Heap, f.empty.Heap), "heap-B/tag")
	b.ReportMetric(float64(f.full.Values)/mebibyte, "store-MiB")
	b.ReportMetric(float64(f.full.InUse)/mebibyte, "file-in-use-MiB")
	b.ReportMetric(float64(f.full.File)/mebibyte, "file-MiB")
	b.ReportMetric(float64(f.full.Live)/mebibyte, "live-MiB")
	b.ReportMetric(float64(f.grown.Live)/mebibyte, "grown-live-MiB")
	b.ReportMetric((float64(f.grown.InUse)-float64(f.full.InUse))/float64(registry.repositories), "file-in-use-B/new-tag")
	if f.full.Resident == 0 {
		return // the system does not tell
	}
	b.ReportMetric(perTag(f.full.Anonymous, f.empty.Anonymous), "anonymous-B/tag")
	b.ReportMetric(perTag(f.full.Resident, f.empty.Resident), "rss-B/tag")
	b.ReportMetric(float64(f.empty.Resident)/mebibyte, "empty-rss-MiB")
	b.ReportMetric(float64(f.full.Anonymous)/mebibyte, "anonymous-MiB")
	b.ReportMetric(float64(f.full.Resident)/mebibyte, "rss-MiB")
	b.ReportMetric(float64(f.full.Peak)/mebibyte, "peak-rss-MiB")
	b.ReportMetric(float64(f.grown.Peak)/mebibyte, "grown-peak-rss-MiB")
}

func TestMemoryIsMeasuredOfAScannerThatHoldsTheTags(t *testing.T) {
	registry := startSynthetic(t, size{repositories: 3, tags: 2500})
	f := weigh(t, registry)
	if f.full.Values <= f.empty.Values || f.full.Values < uint64(registry.total()) {
		t.Errorf("the store holds %d bytes with %d tags, %d without", f.full.Values, registry.total(), f.empty.Values)
	}
	if f.empty.Live == 0 || f.full.InUse == 0 || f.full.InUse > f.full.File {
		t.Errorf("measured %+v", f)
	}
}

func TestTheTagsOfARepositoryDiffer(t *testing.T) {
	const tags = 10_000
	seen := map[string]bool{}
	for i := range tags {
		seen[tagName(7, i)] = true
	}
	if len(seen) != tags {
		t.Errorf("%d different tags of %d", len(seen), tags)
	}
}
