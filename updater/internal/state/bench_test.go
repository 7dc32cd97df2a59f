// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// records is an automation with 50 records of 200 KB and 50 without a commit.
func records(b *testing.B) (*fixture, object.Key) {
	b.Helper()
	f := open(b, "web")
	web := object.KeyOf("", "web")
	for i := range 50 {
		f.begin(web, withChanges(run(2*i, pushed), 900))
		idle := run(2*i+1, failed)
		idle.Message = idle.GetId()
		f.end(web, idle)
	}
	return f, web
}

// BenchmarkSteadyRun is what a run asks of the records that finds nothing to do.
func BenchmarkSteadyRun(b *testing.B) {
	f, web := records(b)
	n := 1000
	for b.Loop() {
		if _, err := f.Unfinished(b.Context(), web); err != nil {
			b.Fatal(err)
		}
		if _, err := f.History(b.Context(), web); err != nil {
			b.Fatal(err)
		}
		n++
		f.end(web, run(n, upToDate))
		f.must(f.Prune(b.Context(), web))
	}
}

// BenchmarkPushingRun is what a run asks of the records that changes 900 values.
func BenchmarkPushingRun(b *testing.B) {
	f, web := records(b)
	n := 1000
	for b.Loop() {
		if _, err := f.Unfinished(b.Context(), web); err != nil {
			b.Fatal(err)
		}
		h, err := f.History(b.Context(), web)
		f.must(err)
		for i := range 900 {
			h.Writes(placeOf(i))
		}
		n++
		f.begin(web, withChanges(unended(n), 900))
		f.end(web, withChanges(run(n, pushed), 900))
		f.must(f.Prune(b.Context(), web))
	}
}

// BenchmarkFirstHistory is the first question after a start.
func BenchmarkFirstHistory(b *testing.B) {
	f, web := records(b)
	for b.Loop() {
		if _, err := state.NewRuns(f.st, f.automations).History(b.Context(), web); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHistory is the question again, when nothing was recorded since.
func BenchmarkHistory(b *testing.B) {
	f, web := records(b)
	for b.Loop() {
		if _, err := f.History(b.Context(), web); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnfinished is the question where nothing is open.
func BenchmarkUnfinished(b *testing.B) {
	f, web := records(b)
	for b.Loop() {
		if _, err := f.Unfinished(b.Context(), web); err != nil {
			b.Fatal(err)
		}
	}
}
