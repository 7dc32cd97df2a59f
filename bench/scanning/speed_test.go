// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanning

import (
	"net/http"
	"testing"
	"time"
)

const (
	// eager is an interval so short that a scan is always due.
	eager = 10 * time.Millisecond
	// rounds are gone in one run: the rates are of their sum, so that a moment's disturbance weighs less.
	rounds = 3
)

// speed is how long each way took over all repositories, in sum.
type speed struct {
	scanned                  int
	raw, plain               time.Duration
	first, requested, steady time.Duration
	// What first and requested scans asked of the registry, and over how many connections.
	firstTraffic, requestedTraffic traffic
}

// traffic is a number of requests, and of connections that were opened for them.
type traffic struct{ requests, connections int }

// during adds what a step makes of it.
func (t *traffic) during(m *meter, step func()) {
	requests, connections := m.total()
	step()
	afterwards, open := m.total()
	t.requests += afterwards - requests
	t.connections += open - connections
}

// BenchmarkSpeed lists 1,000 repositories of 100 tags of a real registry in this process, in five ways:
//
//	raw        bare HTTP requests of the same pages, eight at once: the limit of registry and machine
//	plain      a sequential loop over go-containerregistry's remote.List
//	first      the scanner's first scans, which store the tags; from when the registry begins to answer
//	requested  ScanImageRepository, eight at once, which find nothing new but write their time
//	steady     scans that are always due, as an interval makes them, and find nothing new
//
// The rates are repositories per second; a ratio above 1 is the faster one.
func BenchmarkSpeed(b *testing.B) {
	s := size{repositories: number(b, repositoriesVariable, 1000), tags: 100}
	r := startRegistry(b, s)
	transport := newTransport(b)
	rawRequests(b, r, s, transport) // the file system's caches are warm for all
	var sum speed
	for b.Loop() {
		for range rounds {
			sum.round(b, r, s, transport)
		}
	}
	sum.report(b)
}

// round goes each way once. The two yardsticks come before the scanner: nothing else runs beside them.
func (v *speed) round(tb testing.TB, r *registry, s size, transport *http.Transport) {
	tb.Helper()
	v.scanned += s.repositories
	v.raw += timed(func() { rawRequests(tb, r, s, transport) })
	v.plain += timed(func() { plainLoop(tb, r, s, transport) })

	c, stop := startProgram(tb)
	defer stop()
	open := r.meter.shut()
	c.apply(tb, s.repositories, calm, r.image)
	v.firstTraffic.during(r.meter, func() {
		v.first += timed(func() {
			open()
			c.awaitTags(tb, s.repositories, s.tags)
		})
	})
	v.requestedTraffic.during(r.meter, func() {
		v.requested += timed(func() { c.scan(tb, s.repositories, s.tags) })
	})

	// Each object's first scan after the change writes its status; those that are counted do not.
	settled := r.meter.after(3 * s.repositories)
	c.apply(tb, s.repositories, eager, r.image)
	await(tb, settled)
	v.steady += timed(func() { await(tb, r.meter.after(s.repositories)) })
}

// await waits for listings that are sure to come.
func await(tb testing.TB, reached <-chan struct{}) {
	tb.Helper()
	select {
	case <-reached:
	case <-tb.Context().Done():
		tb.Fatal(tb.Context().Err())
	}
}

func (v *speed) report(b *testing.B) {
	b.Helper()
	raw, plain := perSecond(v.scanned, v.raw), perSecond(v.scanned, v.plain)
	b.ReportMetric(0, "ns/op") // a round's time says nothing
	b.ReportMetric(raw, "raw-repos/s")
	b.ReportMetric(plain, "plain-repos/s")
	for _, way := range []struct {
		name string
		took time.Duration
	}{{"first", v.first}, {"requested", v.requested}, {"steady", v.steady}} {
		rate := perSecond(v.scanned, way.took)
		b.ReportMetric(rate, way.name+"-repos/s")
		b.ReportMetric(rate/plain, way.name+"/plain")
		b.ReportMetric(rate/raw, way.name+"/raw")
	}
	for _, way := range []struct {
		name string
		traffic
	}{{"first", v.firstTraffic}, {"requested", v.requestedTraffic}} {
		b.ReportMetric(float64(way.requests)/float64(v.scanned), way.name+"-requests/repo")
		b.ReportMetric(float64(way.connections)/float64(b.N*rounds), way.name+"-connections")
	}
}

func TestSpeedIsMeasuredOverRepositoriesThatAreScanned(t *testing.T) {
	s := size{repositories: 5, tags: 12}
	var v speed
	v.round(t, startRegistry(t, s), s, newTransport(t))
	if v.scanned != s.repositories || v.requestedTraffic.requests != s.repositories {
		t.Errorf("%d repositories with %d requests, want %d with as many", v.scanned, v.requestedTraffic.requests, s.repositories)
	}
	for _, took := range []time.Duration{v.raw, v.plain, v.first, v.requested, v.steady} {
		if took <= 0 {
			t.Errorf("a way took no time: %+v", v)
		}
	}
}
